//! The guest: Lua 5.5 with tidelock's bindings as a WebAssembly component, already compiled to
//! machine code by this crate's build.

mod engine_config;

pub use engine_config::apply as apply_engine_config;

/// The component as machine code for the build's target, for `Component::deserialize_raw` under an
/// engine configured by [`apply_engine_config`]. Begins on a page of its own, so that its pages can be
/// made executable where they are.
pub static MACHINE_CODE: &[u8] = &PAGES.0;

static PAGES: Pages<[u8; CODE.len()]> = Pages(*CODE);

const CODE: &[u8; include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")).len()] =
    include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));

/// Aligned to the largest page of the platforms we build for, and so filling its last page alone.
#[repr(C, align(65536))]
struct Pages<T>(T);
