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

  /// Measures what two rows of ours cost, by turns; once more if that was too noisy, and then the quieter of the two counts.
  func measure(
    _ limit: Growth, from: Row, to: Row
  ) throws -> (growth: MeasuredGrowth, note: String) {
    let once = {
      let values = try interleaved([from.ours, to.ours], pinning: to.pinning)
      return MeasuredGrowth(limit, from: values[0], to: values[1])
    }
    let first = try once()
    guard first.isNoisy else { return (first, "") }
    let second = try once()
    return (second.spread < first.spread ? second : first, "repeated")
  }

  /// Measures a row; once more if it was too noisy, and then the quieter of the two counts.
  func measure(_ row: Row) throws -> Measured {
    defer { setting.endServices() }
    if let missing = row.ours.missing(setting) { throw Failure(missing) }
    let first = try once(row)
    guard first.contains(where: \.isNoisy) else { return Measured(comparisons: first) }
    let second = try once(row)
    let worst = { (comparisons: [Comparison]) in comparisons.map(\.ratioSpread).max() ?? 0 }
    return Measured(comparisons: worst(second) < worst(first) ? second : first, note: "repeated")
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
