// Home sections: a few instructions in which the home thread, in a pass or not, may do plainly what others do with atomic
// operations, because no other thread becomes the home meanwhile.
//
// Being the home is not enough for that: a thread may find that it is, and another take over from it before it acts on
// that (GLib's next owner of the GMainContext, or `releaseHomeThread` where nobody runs the context). So the thread says
// that it is in a section first, and looks whether it is the home then; who takes over withdraws the home first, and then
// waits until that thread is in no section. The store and the load of the former must not change places, which a fence
// would see to, at the price of the atomic operation it is to spare; membarrier(2) has the one who takes over, which is
// rare, pay for both. Where the kernel refuses it there are no sections, and all goes the way of other threads.
//
// A signal handler that interrupts a section finds it begun, and goes that way too.
// Checked by Models/home-section.pml (beginHomeSection, endHomeSection, releaseHome, claimHome).

import Glibc
import Synchronization

extension NotifyState {
  /// Begins one if the caller is the home thread, and in none. Nothing but plain code up to `endHomeSection`: no call out,
  /// no lock. Any thread, signal handlers included.
  @inline(__always)
  func beginHomeSection() -> Unmanaged<ThreadState>? {
    guard hasHomeSections, let thread = ThreadState.unretained else { return nil }
    return thread._withUnsafeGuaranteedRef { state -> Bool in
      if state.isInHomeSection.load(ordering: .relaxed) { return false }
      // B10: before the look at the home, for the compiler by the fence, for the processor by the barrier (B11) of who
      // takes over: it sees the section, or this sees that the home is gone.
      state.isInHomeSection.store(true, ordering: .relaxed)
      Barrier.forCompiler()
      if isHome(state.address) { return true }
      state.isInHomeSection.store(false, ordering: .relaxed)
      return false
    } ? thread : nil
  }

  /// Releases what was done in the section to who takes over (B11).
  @inline(__always)
  func endHomeSection(_ thread: Unmanaged<ThreadState>) {
    thread._withUnsafeGuaranteedRef { $0.isInHomeSection.store(false, ordering: .releasing) }
  }

  /// After the home was withdrawn from another thread: waits until that is in no section. What it did in one is seen.
  func awaitEndOfHomeSection(_ state: ThreadState) {
    guard hasHomeSections else { return }
    // B11: pairs with B10.
    Barrier.onEveryThread()
    // Rarely, and never for long. A sleep lets it go on whatever its priority is beside ours.
    while state.isInHomeSection.load(ordering: .acquiring) { usleep(50) }
  }
}
