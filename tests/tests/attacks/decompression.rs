//! Small bodies that become large: row 23.
