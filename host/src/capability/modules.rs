pub struct Source;
