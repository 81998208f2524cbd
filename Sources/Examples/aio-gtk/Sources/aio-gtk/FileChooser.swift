// The dialog that a file is chosen in: the desktop's own, where there is one. No main loop is nested for it; the closure is
// called when there is an answer. Main actor.

import CGtk4
import SystemPackage

@MainActor final class FileChooser {
  private let window: UnsafeMutablePointer<GtkWindow>
  private let onFile: (FilePath) -> Void
  /// The one that is open.
  private var dialog: OpaquePointer?

  /// Calls `onFile` with each file that the user picks.
  init(over window: UnsafeMutablePointer<GtkWindow>, onFile: @escaping (FilePath) -> Void) {
    self.window = window
    self.onFile = onFile
  }

  func show() {
    if dialog != nil { return }
    let dialog = gtk_file_chooser_native_new(
      "Open a file", window, GTK_FILE_CHOOSER_ACTION_OPEN, "_Open", "_Cancel")!
    self.dialog = dialog
    let answered: @convention(c) (OpaquePointer, CInt, gpointer) -> Void = { _, response, data in
      nonisolated(unsafe) let data = data
      MainActor.assumeIsolated {
        Unmanaged<FileChooser>.fromOpaque(data).takeUnretainedValue().answered(response)
      }
    }
    g_signal_connect_data(
      UnsafeMutableRawPointer(dialog), "response", unsafeBitCast(answered, to: GCallback.self),
      Unmanaged.passRetained(self).toOpaque(), releaseClosure, GConnectFlags(rawValue: 0))
    gtk_native_dialog_set_modal(of(dialog), 1)
    gtk_native_dialog_show(of(dialog))
  }

  private func answered(_ response: CInt) {
    guard let dialog else { return }
    self.dialog = nil
    defer { g_object_unref(UnsafeMutableRawPointer(dialog)) }
    guard response == GTK_RESPONSE_ACCEPT.rawValue,
      let file = gtk_file_chooser_get_file(dialog)
    else { return }
    defer { g_object_unref(UnsafeMutableRawPointer(file)) }
    // One that is only to be had through GIO, on a phone or in a trash, has no path; the dialog offers none such.
    guard let path = g_file_get_path(file) else { return }
    defer { g_free(path) }
    onFile(FilePath(platformString: path))
  }
}
