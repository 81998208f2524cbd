// The throughput over the file, as an area that grows to the right with the progress. Main actor.

import CGtk4

@MainActor final class Graph {
  let widget: Widget = gtk_drawing_area_new()
  private var spans: [Throughput.Span] = []
  private var size: Int64 = 0
  private var peak = 0.0

  init() {
    gtk_widget_set_size_request(widget, -1, 160)
    gtk_widget_set_vexpand(widget, 1)
    // Unretained: it lives as long as the window does, and so does the widget.
    gtk_drawing_area_set_draw_func(
      of(widget),
      { _, cairo, width, height, data in
        nonisolated(unsafe) let (cairo, data) = (cairo!, data!)
        MainActor.assumeIsolated {
          Unmanaged<Graph>.fromOpaque(data).takeUnretainedValue()
            .draw(cairo, Double(width), Double(height))
        }
      }, Unmanaged.passUnretained(self).toOpaque(), nil)
  }

  func show(_ throughput: Throughput, of size: Int64) {
    spans = throughput.spans
    peak = throughput.peak
    self.size = size
    gtk_widget_queue_draw(widget)
  }

  private func draw(_ cairo: OpaquePointer, _ width: Double, _ height: Double) {
    drawGrid(cairo, width, height)
    guard let first = spans.first, peak > 0, size > 0 else { return }
    // Some air above the peak.
    let scale = height / (peak * 1.15)
    let x = { [size] (bytes: Int64) in min(Double(bytes) / Double(size), 1) * width }
    let y = { (span: Throughput.Span) in height - span.rate * scale }
    cairo_move_to(cairo, 0, y(first))
    for span in spans { cairo_line_to(cairo, x(span.end), y(span)) }
    let line = cairo_copy_path(cairo)
    defer { cairo_path_destroy(line) }
    cairo_line_to(cairo, x(spans.last!.end), height)
    cairo_line_to(cairo, 0, height)
    cairo_set_source_rgba(cairo, 0.21, 0.52, 0.89, 0.25)
    cairo_fill(cairo)
    cairo_append_path(cairo, line)
    cairo_set_source_rgb(cairo, 0.21, 0.52, 0.89)
    cairo_set_line_width(cairo, 2)
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND)
    cairo_stroke(cairo)
  }

  private func drawGrid(_ cairo: OpaquePointer, _ width: Double, _ height: Double) {
    cairo_set_source_rgba(cairo, 0.5, 0.5, 0.5, 0.2)
    cairo_set_line_width(cairo, 1)
    for part in 1..<4 {
      let y = (height * Double(part) / 4).rounded() + 0.5
      cairo_move_to(cairo, 0, y)
      cairo_line_to(cairo, width, y)
    }
    cairo_stroke(cairo)
  }
}
