// aio-gtk: a window that digests a file through an AioContext's ring, on the main actor under GTK's main loop, and shows how
// late the worst frame was meanwhile. Its exit status: 0, or 1 where --quit-when-done had no digest to show, 64 for options
// that make no sense.

import ArgumentParser
import CGtk4
import SystemPackage

@main
struct AioGtk: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-gtk",
    abstract: "Digests a file in a GTK window, and shows how late the worst frame was meanwhile.",
    discussion: """
      What it says in the window goes to the standard output as well, when a file is done.
      """)

  @Flag(help: "End when the file is done.")
  var quitWhenDone = false

  @Argument(help: "The file to begin with.", completion: .file())
  var file: String?

  func validate() throws {
    if quitWhenDone && file == nil {
      throw ValidationError("--quit-when-done takes a file to be done with.")
    }
  }

  func run() throws {
    // A synchronous main is on the main thread.
    try MainActor.assumeIsolated {
      guard gtk_init_check() != 0 else { throw Failure("there is no display to open a window on") }
      let app = try App(file: file.map { FilePath($0) }, quitsWhenDone: quitWhenDone)
      let status = app.run()
      if status != 0 { throw ExitCode(status) }
    }
  }
}

/// One clear line for the user.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
