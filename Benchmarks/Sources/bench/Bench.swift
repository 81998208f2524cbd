// The driver: measures the rows that were asked for and prints the table. scripts/bench builds what it runs and starts
// it.

import ArgumentParser
import BenchReport
import Foundation

@main
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures AioGSource beside its peers, by turns in one run, and prints a table.",
    discussion: """
      The ratio is the peer's time over ours, or our rate over the peer's: above 1 we are faster. The bar is what the \
      ratio has to be. The spread is the distance between the quartiles of our runs, as a share of their median.
      """)

  @Flag(help: "Three rounds rather than seven, and shorter runs.")
  var quick = false

  @Option(help: "Only rows (with --plot: only pictures) whose names match this regular expression.")
  var filter: String?

  @Option(help: "How many rounds.")
  var rounds: Int?

  @Option(help: "Writes the comparisons there, as JSON.")
  var json: String?

  @Flag(
    help: "Exits with status 1 if a ratio is below its bar, or a row or a peer with a bar fails.")
  var check = false

  @Option(help: "Draws the pictures into this directory, as SVG, instead of measuring the rows.")
  var plot: String?

  @Flag(help: "Prints the names of the rows, and measures nothing.")
  var list = false

  @Option(help: "The repository.")
  var root = FileManager.default.currentDirectoryPath

  func validate() throws {
    if let rounds, rounds < 1 { throw ValidationError("--rounds is at least 1.") }
    _ = try pattern()
  }

  func run() throws {
    let pattern = try pattern()
    let isAskedFor = { (name: String) in pattern.map { name.contains($0) } ?? true }
    let rows = allRows.filter { isAskedFor($0.name) }
    if list {
      for row in rows { say(row.name) }
      return
    }
    let setting = try Setting(root: URL(filePath: root), isQuick: quick)
    defer { setting.close() }
    let runner = Runner(setting: setting, rounds: rounds ?? (quick ? 3 : 7))
    if let plot {
      return try draw(
        allPictures.filter { isAskedFor($0.name) }, into: URL(filePath: plot), with: runner)
    }
    if rows.isEmpty { throw Failure("No row has a name like that.") }
    let (comparisons, rowFailed) = measure(rows, with: runner)
    if let json { try jsonReport(comparisons).write(to: URL(filePath: json)) }
    let (growths, growthFailed) = measureGrowth(of: rows, with: runner)
    if rowFailed || growthFailed { throw ExitCode(1) }
    if check && !(allHold(comparisons) && growths.allSatisfy(\.holds)) { throw ExitCode(1) }
  }

  private func pattern() throws -> Regex<AnyRegexOutput>? {
    do {
      return try filter.map { try Regex($0) }
    } catch {
      throw ValidationError("--filter takes a regular expression: \(error)")
    }
  }

  /// Prints each row as it is done. True if one of them failed.
  private func measure(_ rows: [Row], with runner: Runner) -> ([Comparison], Bool) {
    var comparisons: [Comparison] = []
    var failed = false
    say(Table.header)
    for row in rows {
      do {
        let measured = try runner.measure(row)
        for comparison in measured.comparisons {
          say(Table.line(comparison, note: measured.note))
        }
        comparisons += measured.comparisons
      } catch {
        say("\(row.name): FAILED: \(error)")
        failed = true
      }
    }
    return (comparisons, failed)
  }

  /// Prints each limit on growth whose rows were asked for. True if one could not be measured.
  private func measureGrowth(
    of rows: [Row], with runner: Runner
  ) -> ([MeasuredGrowth], Bool) {
    var growths: [MeasuredGrowth] = []
    var failed = false
    for limit in limitsOnGrowth {
      guard let from = rows.first(where: { $0.name == limit.from }),
        let to = rows.first(where: { $0.name == limit.to })
      else { continue }
      if growths.isEmpty && !failed { say("") }
      do {
        let (growth, note) = try runner.measure(limit, from: from, to: to)
        say(Table.line(growth, note: note))
        growths.append(growth)
      } catch {
        say("\(limit.to) / \(limit.from): FAILED: \(error)")
        failed = true
      }
    }
    return (growths, failed)
  }

  private func draw(_ pictures: [Picture], into directory: URL, with runner: Runner) throws {
    if pictures.isEmpty { throw Failure("No picture has a name like that.") }
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for picture in pictures {
      let (plot, missing) = try runner.measure(picture)
      let file = directory.appending(path: "\(picture.name).svg")
      try Data(plot.svg.utf8).write(to: file)
      say(([file.path] + missing).joined(separator: "; "))
    }
  }

  /// Says which bars are not reached.
  private func allHold(_ comparisons: [Comparison]) -> Bool {
    let below = comparisons.filter { !$0.holds }
    for comparison in below {
      let ratio = comparison.ratio.map(Table.number) ?? "not measured"
      say(
        "\(comparison.name) against \(comparison.peerName ?? "-"): \(ratio), "
          + "and the bar is \(Table.number(comparison.bar ?? 0))")
    }
    return below.isEmpty
  }
}

/// Prints at once, be it into a file.
private func say(_ text: String) {
  print(text)
  fflush(nil)
}
