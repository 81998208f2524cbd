// Makes a failing sequence shorter: takes out chunks, then ever smaller ones, then single elements, for as long as what is
// left fails, and until nothing can be taken out or the time is over.

func shrink<Element>(
  _ elements: [Element], atMost limit: Duration = .seconds(120), fails: ([Element]) -> Bool
) -> [Element] {
  let end = ContinuousClock.now + limit
  var left = elements
  var size = max(left.count / 2, 1)
  while true {
    var hasShrunk = false
    var start = 0
    while start < left.count {
      if ContinuousClock.now > end { return left }
      var candidate = left
      candidate.removeSubrange(start..<min(start + size, left.count))
      if fails(candidate) {
        left = candidate
        hasShrunk = true
      } else {
        start += size
      }
    }
    if size > 1 {
      size /= 2
    } else if !hasShrunk {
      return left
    }
  }
}
