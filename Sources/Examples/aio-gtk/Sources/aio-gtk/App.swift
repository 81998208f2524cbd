// The application: GTK's main loop with the main actor and an AioContext in it, a thread for what takes the CPU, and the
// window.

import AioGSource
import CGtk4
import SystemPackage

@MainActor final class App {
  private let application: UnsafeMutablePointer<GtkApplication>
  private let context: AioContext
  private let worker: IOThread
  private let file: FilePath?
  private let quitsWhenDone: Bool
  private var session: Session?

  init(file: FilePath?, quitsWhenDone: Bool) throws(AioError) {
    self.file = file
    self.quitsWhenDone = quitsWhenDone
    try MainActorBridge.install()
    context = try AioContext(name: "window")
    // After the frame clock's: however fast completions come, a frame goes first.
    try context.attach(priority: G_PRIORITY_DEFAULT_IDLE)
    // It computes, and waits for nothing that busy polling would bring sooner.
    worker = try IOThread(name: "checksum", configuration: .init(polling: .disabled))
    // Any number of windows, each with its own process.
    application = gtk_application_new("io.github.aiogsource.AioGtk", G_APPLICATION_NON_UNIQUE)
  }

  /// Returns when the window is gone, with the exit status.
  func run() -> CInt {
    connect(application, "activate") { [self] in activate() }
    let status = g_application_run(of(application), 0, nil)
    let isDigested = if case .digest = session?.outcome { true } else { false }
    session = nil
    g_object_unref(application)
    context.detach()
    worker.stop()
    return status != 0 ? status : quitsWhenDone && !isDigested ? 1 : 0
  }

  private func activate() {
    if session != nil { return }
    let window = Window(of: application)
    let session = Session(
      in: window, on: context, with: worker, quitsWhenDone: quitsWhenDone)
    self.session = session
    window.present()
    if let file { session.begin(file) }
  }
}
