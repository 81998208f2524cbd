// How late frames are: a value that is told the time of each.

/// The longest time that a frame came late: the distance between one and the next, less the display's refresh interval.
/// Where the main loop had more to do than fits between two frames, it shows here.
///
/// A display that holds frames back, as one may while nobody can see the window, counts as late too.
struct FrameMeter {
  /// Both in nanoseconds.
  private(set) var worst: Int64 = 0
  private(set) var interval: Int64 = 16_666_667
  private(set) var frames = 0
  private var previous: Int64

  /// Begins to measure. The first frame is awaited from here on.
  init(at time: Int64) {
    previous = time
  }

  mutating func frame(at time: Int64, interval: Int64) {
    self.interval = interval
    frames += 1
    elapsed(until: time)
  }

  /// Ends it: the frame that is awaited then counts with what it is late already.
  mutating func end(at time: Int64) {
    elapsed(until: time)
  }

  private mutating func elapsed(until time: Int64) {
    worst = max(worst, time - previous - interval)
    previous = time
  }
}
