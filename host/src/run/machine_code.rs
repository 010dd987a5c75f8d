//! Runs the guest's machine code where the executable's own file is mapped.
//!
//! Copying four megabytes into fresh memory took half of a short run. Made executable in place, only the
//! pages that are used are read, and all processes share them.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{MprotectFlags, mprotect};
use rustix::param::page_size;
use wasmtime::component::Component;
use wasmtime::{Config, CustomCodeMemory, Engine, Result, error::Context};

/// Lets engines of this configuration run code that lies in the executable's file.
pub fn configure(config: &mut Config) {
    config.with_custom_code_memory(Some(Arc::new(FilePages)));
}

/// The guest, for an engine that was configured so.
///
/// # Errors
/// If this machine cannot run it.
#[expect(unsafe_code, reason = "machine code cannot be checked; this was made by our own build")]
pub fn load(engine: &Engine) -> Result<Component> {
    // SAFETY: the bytes are those that the build of `guest-lua` got from `Engine::precompile_component`.
    // They are a static of this executable: they live as long as the process and nobody writes them.
    let component =
        unsafe { Component::deserialize_raw(engine, NonNull::from(guest_lua::MACHINE_CODE)) };
    component.context("failed to load the guest")
}

/// Code in pages of the executable's file.
struct FilePages;

impl CustomCodeMemory for FilePages {
    fn required_alignment(&self) -> usize {
        page_size()
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> Result<()> {
        protect(start, length, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, start: *const u8, length: usize) -> Result<()> {
        protect(start, length, MprotectFlags::READ)
    }
}

#[expect(unsafe_code, reason = "only the system can change what memory may be used for")]
fn protect(start: *const u8, length: usize, flags: MprotectFlags) -> Result<()> {
    // SAFETY: the engine passes whole pages of `MACHINE_CODE`, which share no page with anything else
    // (`guest-lua` aligns it), and no flag here lets them be written.
    unsafe { mprotect(start.cast_mut().cast::<c_void>(), length, flags) }
        .context("failed to make the guest's code executable")
}
