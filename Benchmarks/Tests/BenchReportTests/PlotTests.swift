// Axes, names that make room for each other, and that the picture is one.

import Foundation
import FoundationXML
import Testing

@testable import BenchReport

@Suite struct PlotTests {
  @Test func anAxisReachesFromRoundValueToRoundValue() {
    let axis = LogAxis([870, 650_000])
    #expect(axis.lower == 100 && axis.upper == 1e6)
    #expect(axis.ticks == [100, 1000, 10_000, 100_000, 1e6])
    #expect(axis.position(100) == 0 && axis.position(1e6) == 1)
    #expect(abs(axis.position(10_000) - 0.5) < 1e-9)
  }

  @Test func aShortAxisHasMarksWithinTheDecades() {
    #expect(LogAxis([34, 103]).ticks == [20, 50, 100, 200])
    #expect(LogAxis([0.3, 0.4]).ticks == [0.2, 0.5])
    #expect(LogAxis([100, 100]).ticks == [100, 200])
  }

  @Test func sizesAreTheMarksOfTheirAxis() {
    let axis = LogAxis(ticks: [64, 1, 8, 1])
    #expect(axis.ticks == [1, 8, 64])
    #expect(abs(axis.position(8) - 0.5) < 1e-9)
    #expect(LogAxis(ticks: [10, 10]).position(10) == 0)
  }

  @Test func namesMoveApartAndStayInThePicture() {
    #expect(spaced([10, 50, 90], by: 15, within: 0...100) == [10, 50, 90])
    #expect(spaced([10, 12, 13], by: 15, within: 0...100) == [10, 25, 40])
    #expect(spaced([95, 99, 100], by: 15, within: 0...100) == [70, 85, 100])
  }

  @Test(arguments: [
    (20.0, "20 ns"), (1000, "1 µs"), (50_000, "50 µs"), (1e6, "1 ms"), (2e9, "2 s"),
  ])
  func timesHaveTheUnitOfTheFewestDigits(_ nanoseconds: Double, _ text: String) {
    #expect(time(nanoseconds) == text)
  }

  @Test func sizesAreGrouped() {
    #expect([1.0, 999, 1000, 1_234_567].map(grouped) == ["1", "999", "1,000", "1,234,567"])
  }

  @Test func thePictureHasALineForEachSeriesWhereItBelongs() throws {
    let plot = Plot(
      title: "A < B & C", sizeLabel: "fds", costLabel: "time",
      series: [
        .init(
          name: "ours", isOurs: true,
          points: [.init(size: 1, cost: 100), .init(size: 100, cost: 100)]),
        .init(
          name: "GLib", isOurs: false,
          points: [.init(size: 1, cost: 100), .init(size: 10, cost: 10_000)]),
      ])
    let reader = Reader()
    let parser = XMLParser(data: Data(plot.svg.utf8))
    parser.delegate = reader
    #expect(parser.parse())
    // From the left edge to the right one at the bottom; to the middle at the top.
    #expect(reader.lines == ["70.0,362.0 590.0,362.0", "70.0,362.0 330.0,48.0"])
    #expect(reader.dots == 4)
    #expect(reader.text.contains("A < B & C"))
    #expect(reader.text.contains("ours") && reader.text.contains("GLib"))
    #expect(reader.background == 0)
  }
}

private final class Reader: NSObject, XMLParserDelegate {
  var lines: [String] = []
  var dots = 0
  var background = 0
  var text = ""

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String] = [:]
  ) {
    switch element {
    case "polyline": lines.append(attributes["points"] ?? "")
    case "circle": dots += 1
    case "rect": background += 1
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
}
