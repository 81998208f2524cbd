// Measures a row: ours and its peers by turns, so that what disturbs the machine for a while disturbs all of them.

import BenchReport

struct Runner {
  let setting: Setting
  let rounds: Int

  /// A row's comparisons, and what there is to say of them.
  struct Measured {
    let comparisons: [Comparison]
    var note = ""
  }

  /// How often what was too noisy is measured, at most.
  private static let attempts = 2
  /// The same, where a bar or a limit stands to be judged.
  private static let attemptsAtABar = 4

  /// Measures what two rows of ours cost, by turns.
  func measure(
    _ limit: Growth, from: Row, to: Row
  ) throws -> (growth: MeasuredGrowth, note: String) {
    let (growth, note) = try quietest(of: Self.attemptsAtABar) {
      let values = try interleaved([from.ours, to.ours], pinning: to.pinning)
      return MeasuredGrowth(limit, from: values[0], to: values[1])
    }
    return (growth, note)
  }

  /// Measures a row beside its peers.
  func measure(_ row: Row) throws -> Measured {
    defer { setting.endServices() }
    if let missing = row.ours.missing(setting) { throw Failure(missing) }
    let hasBar = row.peers.contains { $0.bar != nil }
    let (comparisons, note) = try quietest(of: hasBar ? Self.attemptsAtABar : Self.attempts) {
      try once(row)
    }
    return Measured(comparisons: comparisons, note: note)
  }

  /// Measures, and again while that was too noisy; the quietest counts, whatever it says.
  private func quietest<Result: Repeatable>(
    of attempts: Int, _ once: () throws -> Result
  ) throws -> (result: Result, note: String) {
    var quietest = try once()
    var repetitions = 0
    while quietest.isNoisy, repetitions < attempts - 1 {
      let next = try once()
      repetitions += 1
      if next.spread < quietest.spread { quietest = next }
    }
    switch repetitions {
    case 0: return (quietest, "")
    case 1: return (quietest, "repeated")
    default: return (quietest, "repeated \(repetitions) times")
    }
  }

  private func once(_ row: Row) throws -> [Comparison] {
    let missing = row.peers.map { $0.command.missing(setting) }
    let present = row.peers.indices.filter { missing[$0] == nil }
    let commands = [row.ours] + present.map { row.peers[$0].command }
    let values = try interleaved(commands, pinning: row.pinning, warmUps: row.warmUps)
    if row.peers.isEmpty {
      return [
        Comparison(
          name: row.name, unit: row.unit, ours: values[0], peerName: nil, peer: .missing("no peer"))
      ]
    }
    return row.peers.enumerated().map { index, peer in
      let outcome: Outcome =
        if let why = missing[index] {
          .missing(why)
        } else {
          .values(values[1 + present.firstIndex(of: index)!])
        }
      return Comparison(
        name: row.name, unit: row.unit, ours: values[0], peerName: peer.name, peer: outcome,
        bar: peer.bar)
    }
  }

  /// So many values of each command. Who goes first in a round goes last in the next.
  func interleaved(_ commands: [Command], pinning: Pinning, warmUps: Int = 0) throws -> [[Double]] {
    var values = commands.map { _ in [Double]() }
    for round in -warmUps..<rounds {
      let order = Array(commands.indices)
      for index in round.isMultiple(of: 2) ? order : order.reversed() {
        let value = try commands[index].run(setting, pinning)
        if round >= 0 { values[index].append(value) }
      }
    }
    return values
  }

  /// Measures a picture, size by size. A line whose program is missing is told of in `missing`, and left out.
  func measure(_ picture: Picture) throws -> (plot: Plot, missing: [String]) {
    defer { setting.endServices() }
    let missing = picture.lines.compactMap { line in
      line.command(picture.sizes[0]).missing(setting).map { "\(line.name): \($0)" }
    }
    let lines = picture.lines.filter { $0.command(picture.sizes[0]).missing(setting) == nil }
    var points = lines.map { _ in [Plot.Point]() }
    for size in picture.sizes {
      let values = try interleaved(lines.map { $0.command(size) }, pinning: picture.pinning)
      for (index, values) in values.enumerated() {
        points[index].append(Plot.Point(size: Double(size), cost: median(values)))
      }
    }
    let series = zip(lines, points).map {
      Plot.Series(name: $0.name, isOurs: $0.isOurs, points: $1)
    }
    let plot = Plot(
      title: picture.title, sizeLabel: picture.sizeLabel, costLabel: picture.costLabel,
      series: series)
    return (plot, missing)
  }
}

/// What is measured again where it was too noisy.
private protocol Repeatable {
  var isNoisy: Bool { get }
  var spread: Double { get }
}

extension MeasuredGrowth: Repeatable {}

extension [Comparison]: Repeatable {
  var isNoisy: Bool { contains(where: \.isNoisy) }
  var spread: Double { map(\.ratioSpread).max() ?? 0 }
}
