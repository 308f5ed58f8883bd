//! Ctrl-C and SIGTERM: the first asks a run to stop after the jobs in hand, the second ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::talk::Talk;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The signal that asked for the end.
static ASKED_BY: AtomicI32 = AtomicI32::new(SIGINT);

unsafe extern "C" {
    safe fn raise(signal: i32) -> i32;
    fn signal(signal: i32, handler: extern "C" fn(i32)) -> usize;
}

/// What shells expect of a program that a signal ended: 130 or 143.
pub fn exit_code() -> u8 {
    (128 + ASKED_BY.load(Ordering::SeqCst)) as u8
}

/// Listens from here on; the answer is set by the first signal.
pub fn listen(talk: &Talk) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, voice) = (stop.clone(), *talk);
    let listening = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(exit_code().into());
        }
        voice.note("stopping after the jobs in hand; press Ctrl-C again to stop at once");
    });
    // Where nobody listens to SIGINT, SIGTERM is left alone: it ends the program.
    if listening.is_ok() {
        // SAFETY: the handler stores a number and raises a signal; both are allowed there.
        unsafe { signal(SIGTERM, pass_on) };
    }
    stop
}

/// SIGTERM is Ctrl-C by another name, and by another exit code.
extern "C" fn pass_on(signal: i32) {
    ASKED_BY.store(signal, Ordering::SeqCst);
    raise(SIGINT);
}
