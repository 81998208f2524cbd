// Draws a plot as SVG. It has no background, and only colours that can be read on white and on black. Each line has its
// name at its end, so that nobody has to match colours with a legend.

extension Plot {
  /// The picture, as a document of its own.
  public var svg: String {
    let canvas = Canvas(self)
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Canvas.width) \(Canvas.height)\" "
        + "width=\"\(Canvas.width)\" height=\"\(Canvas.height)\" role=\"img\" "
        + "font-family=\"system-ui, sans-serif\" font-size=\"12\">",
      "<title>\(escaped(title))</title>",
      text(
        title, x: Canvas.left, y: 22, fill: Canvas.ink,
        extra: "font-size=\"15\" font-weight=\"600\""),
    ]
    lines += canvas.axes(self)
    for (index, series) in series.enumerated() { lines += canvas.line(series, index) }
    lines += canvas.names(of: series)
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }
}

private struct Canvas {
  static let width = 800.0
  static let height = 420.0
  static let left = 70.0
  static let right = 590.0
  static let top = 48.0
  static let bottom = 362.0

  static let ink = "#768390"
  static let ours = ["#2f81f7", "#1a9e96"]
  /// By how a peer's name begins, so that it has one colour in all pictures.
  static let peers = [
    "libuv": "#d4762c", "GLib": "#a371f7", "a bare ring": "#8a8f2a", "qemu": "#d65a7a",
  ]

  let sizes: LogAxis
  let costs: LogAxis
  let colors: [String]

  init(_ plot: Plot) {
    let points = plot.series.flatMap(\.points)
    sizes = LogAxis(ticks: points.map(\.size))
    costs = LogAxis(points.map(\.cost))
    colors = Self.colors(of: plot.series)
  }

  func x(_ size: Double) -> Double {
    Self.left + sizes.position(size) * (Self.right - Self.left)
  }

  func y(_ cost: Double) -> Double {
    Self.bottom - costs.position(cost) * (Self.bottom - Self.top)
  }

  func axes(_ plot: Plot) -> [String] {
    var lines: [String] = []
    for tick in costs.ticks {
      lines.append(rule(x1: Self.left, y1: y(tick), x2: Self.right, y2: y(tick)))
      lines.append(text(time(tick), x: Self.left - 8, y: y(tick) + 4, anchor: "end"))
    }
    for tick in sizes.ticks {
      lines.append(rule(x1: x(tick), y1: Self.top, x2: x(tick), y2: Self.bottom))
      lines.append(text(grouped(tick), x: x(tick), y: Self.bottom + 18, anchor: "middle"))
    }
    lines.append(
      text(plot.sizeLabel, x: (Self.left + Self.right) / 2, y: Self.bottom + 42, anchor: "middle"))
    lines.append(text(plot.costLabel, x: Self.left, y: 40))
    return lines
  }

  func line(_ series: Plot.Series, _ index: Int) -> [String] {
    let places = series.points.map { (x($0.size), y($0.cost)) }
    let path = places.map { "\(short($0.0)),\(short($0.1))" }.joined(separator: " ")
    let color = colors[index]
    let width = series.isOurs ? 3 : 1.75
    let dots = places.map {
      "<circle cx=\"\(short($0.0))\" cy=\"\(short($0.1))\" r=\"\(series.isOurs ? 4 : 3)\" "
        + "fill=\"\(color)\"/>"
    }
    return [
      "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(width)\" "
        + "stroke-linejoin=\"round\"/>"
    ] + dots
  }

  /// The series' names, each beside its line's end, or as near to it as there is room.
  func names(of series: [Plot.Series]) -> [String] {
    let ends = series.enumerated().compactMap { index, series in
      series.points.last.map { (index: index, series: series, x: x($0.size), y: y($0.cost)) }
    }.sorted { $0.y < $1.y }
    let places = spaced(ends.map(\.y), by: 15, within: Self.top - 6...Self.bottom)
    return zip(ends, places).map { end, place in
      text(
        end.series.name, x: end.x + 9, y: place + 4, fill: colors[end.index],
        extra: end.series.isOurs ? "font-weight=\"600\"" : "")
    }
  }

  private static func colors(of series: [Plot.Series]) -> [String] {
    series.indices.map { index in
      if series[index].isOurs {
        let before = series[..<index].count { $0.isOurs }
        return ours[before % ours.count]
      }
      return peers.first { series[index].name.hasPrefix($0.key) }?.value ?? ink
    }
  }
}

/// Heights in the order they are in, moved apart to be `distance` from each other at least.
func spaced(_ heights: [Double], by distance: Double, within range: ClosedRange<Double>) -> [Double]
{
  var places = heights
  for index in places.indices.dropFirst() {
    places[index] = max(places[index], places[index - 1] + distance)
  }
  // What was moved over the edge moves back, and so does what is in its way.
  var limit = range.upperBound
  for index in places.indices.reversed() {
    places[index] = min(places[index], limit)
    limit = places[index] - distance
  }
  return places
}

/// Nanoseconds, in the unit that has the fewest digits.
func time(_ nanoseconds: Double) -> String {
  for (limit, unit) in [(1e9, "s"), (1e6, "ms"), (1e3, "µs")] where nanoseconds >= limit {
    return "\(plain(nanoseconds / limit)) \(unit)"
  }
  return "\(plain(nanoseconds)) ns"
}

func grouped(_ value: Double) -> String {
  guard value >= 1000, value == value.rounded() else { return plain(value) }
  var digits = String(Int(value))
  var groups: [String] = []
  while digits.count > 3 {
    groups.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  return ([digits] + groups).joined(separator: ",")
}

private func plain(_ value: Double) -> String {
  value == value.rounded() ? String(Int(value)) : String(value)
}

private func short(_ value: Double) -> String { Table.fixed(value, 1) }

private func rule(x1: Double, y1: Double, x2: Double, y2: Double) -> String {
  "<line x1=\"\(short(x1))\" y1=\"\(short(y1))\" x2=\"\(short(x2))\" y2=\"\(short(y2))\" "
    + "stroke=\"\(Canvas.ink)\" stroke-opacity=\"0.25\"/>"
}

private func text(
  _ text: String, x: Double, y: Double, anchor: String = "start", fill: String = Canvas.ink,
  extra: String = ""
) -> String {
  "<text x=\"\(short(x))\" y=\"\(short(y))\" text-anchor=\"\(anchor)\" fill=\"\(fill)\""
    + (extra.isEmpty ? "" : " \(extra)") + ">\(escaped(text))</text>"
}

func escaped(_ text: String) -> String {
  text.reduce(into: "") { result, character in
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
}
