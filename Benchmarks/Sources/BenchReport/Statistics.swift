// Medians and spreads. Pure; none of it is asked about an empty list.

/// The middle value, or the mean of the two in the middle.
public func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

/// The value below which `share` of the values lie, interpolated between its two neighbours.
public func quantile(_ values: [Double], _ share: Double) -> Double {
  precondition(!values.isEmpty, "an empty list has no quantiles")
  let sorted = values.sorted()
  let position = share * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
}

/// The distance between the quartiles, as a share of the median: 0.1 if the middle half lies within 10 % of it.
public func spread(_ values: [Double]) -> Double {
  let middle = median(values)
  return middle == 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / abs(middle)
}
