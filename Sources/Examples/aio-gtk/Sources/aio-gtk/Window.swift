// The window: what is in it, and what it can show. It decides nothing. Main actor.

import CGtk4
import SystemPackage

@MainActor final class Window {
  var onFile: (FilePath) -> Void = { _ in }
  var onCancel: () -> Void = {}
  /// The user closes it; true to have it stay until ``close()``.
  var staysOpen: () -> Bool = { false }
  /// In every frame between ``begin(_:)`` and ``end(_:)``, with the frame clock.
  var onFrame: (OpaquePointer) -> Void = { _ in }

  let graph = Graph()
  private let window: Widget
  private lazy var chooser = FileChooser(over: of(window)) { [unowned self] in onFile($0) }
  private let file = Window.label("No file yet", "title-4")
  private let progress: Widget = gtk_progress_bar_new()
  private let amount = Window.label("", "dim-label", "numeric")
  private let rate = Window.label("", "dim-label", "numeric")
  private let lateness = Window.label("", "dim-label", "numeric")
  private let status = Window.label("Open a file to see its SHA-256 digest here.")
  private let open: Widget = gtk_button_new_with_mnemonic("_Open…")
  private let cancel: Widget = gtk_button_new_with_mnemonic("_Cancel")
  private var animation: guint = 0

  init(of application: UnsafeMutablePointer<GtkApplication>) {
    window = gtk_application_window_new(application)
    gtk_window_set_title(of(window), "aio-gtk")
    gtk_window_set_default_size(of(window), 680, 440)
    gtk_window_set_titlebar(of(window), titleBar())
    gtk_window_set_child(of(window), content())
    gtk_label_set_ellipsize(of(file), PANGO_ELLIPSIZE_MIDDLE)
    gtk_label_set_wrap(of(status), 1)
    gtk_label_set_wrap_mode(of(status), PANGO_WRAP_WORD_CHAR)
    gtk_widget_set_hexpand(status, 1)
    gtk_widget_set_valign(cancel, GTK_ALIGN_END)
    gtk_widget_set_sensitive(cancel, 0)
    connect(cancel, "clicked") { [unowned self] in onCancel() }
    connect(
      window, "close-request",
      answering: { [unowned self] in
        let stays = staysOpen()
        if stays { gtk_widget_hide(window) }
        return stays
      })
  }

  func present() { gtk_window_present(of(window)) }

  /// Nothing may be shown any more.
  func close() { gtk_window_destroy(of(window)) }

  // MARK: What it shows

  /// From here to ``end(_:)`` frames follow each other without a pause.
  func begin(_ path: FilePath) {
    gtk_label_set_text(of(file), path.lastComponent?.string ?? path.string)
    gtk_widget_set_tooltip_text(file, path.string)
    show("Digesting…", "dim-label")
    setBusy(true)
    animation = onEachFrame(of: window) { [unowned self] in onFrame($0) }
  }

  func end(_ outcome: Outcome) {
    setBusy(false)
    gtk_widget_remove_tick_callback(window, animation)
    switch outcome {
    case .digest(let digest): show(digest, "monospace")
    case .cancelled: show("Cancelled", "dim-label")
    case .failure(let reason): show("Failed: \(reason)", "error")
    }
  }

  func show(part: Double) { gtk_progress_bar_set_fraction(of(progress), min(part, 1)) }
  func show(amount text: String) { gtk_label_set_text(of(amount), text) }
  func show(rate text: String) { gtk_label_set_text(of(rate), text) }
  func show(lateness text: String) { gtk_label_set_text(of(lateness), text) }

  private func show(_ text: String, _ style: String) {
    for other in ["dim-label", "monospace", "error"] { gtk_widget_remove_css_class(status, other) }
    gtk_widget_add_css_class(status, style)
    // For a digest, to be copied.
    gtk_label_set_selectable(of(status), style == "monospace" ? 1 : 0)
    gtk_label_set_text(of(status), text)
  }

  private func setBusy(_ isBusy: Bool) {
    gtk_widget_set_sensitive(open, isBusy ? 0 : 1)
    gtk_widget_set_sensitive(cancel, isBusy ? 1 : 0)
    gtk_widget_grab_focus(isBusy ? cancel : open)
  }

  // MARK: What is in it

  private func titleBar() -> Widget {
    let bar: Widget = gtk_header_bar_new()
    connect(open, "clicked") { [unowned self] in chooser.show() }
    gtk_header_bar_pack_start(of(bar), open)
    return bar
  }

  private func content() -> Widget {
    let rows: Widget = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12)
    for margin in [
      gtk_widget_set_margin_top, gtk_widget_set_margin_bottom, gtk_widget_set_margin_start,
      gtk_widget_set_margin_end,
    ] { margin(rows, 18) }
    let frame: Widget = gtk_frame_new(nil)
    gtk_frame_set_child(of(frame), graph.widget)
    for row in [
      Self.row(file, amount), progress, frame, Self.row(rate, lateness), Self.row(status, cancel),
    ] { gtk_box_append(of(rows), row) }
    return rows
  }

  private static func label(_ text: String, _ classes: String...) -> Widget {
    let label: Widget = gtk_label_new(text)
    gtk_label_set_xalign(of(label), 0)
    for name in classes { gtk_widget_add_css_class(label, name) }
    return label
  }

  /// One at the left end of a row and one at its right.
  private static func row(_ left: Widget, _ right: Widget) -> Widget {
    let row: Widget = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12)
    gtk_widget_set_hexpand(left, 1)
    gtk_box_append(of(row), left)
    gtk_box_append(of(row), right)
    return row
  }
}
