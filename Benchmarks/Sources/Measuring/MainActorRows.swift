// The bodies of the rows mainactor.*, which are the same whoever serves the main actor: the Dispatch main queue under an
// asynchronous main (measure-main), or GLib's main loop (measure-tasks). Each does so many steps.

@MainActor private var touched = 0

/// The body that a row names.
public func mainActorBody(_ name: String) -> (@Sendable (Int) async -> Void)? {
  switch name {
  case "hop": hopFromElsewhere
  case "spawn": spawnOnTheMainActor
  default: nil
  }
}

/// From a task that is not the main actor's to it, and back.
@concurrent private func hopFromElsewhere(_ count: Int) async {
  let before = await MainActor.run { touched }
  for _ in 0..<count { await MainActor.run { touched += 1 } }
  let after = await MainActor.run { touched }
  check(after - before == count, "\(after - before) hops of \(count) were made")
}

/// A task of the main actor, spawned and awaited by another.
@MainActor private func spawnOnTheMainActor(_ count: Int) async {
  let before = touched
  for _ in 0..<count { await Task { touched += 1 }.value }
  check(touched - before == count, "\(touched - before) tasks of \(count) ran")
}
