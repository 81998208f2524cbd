// Room between what different threads write, so that they do not contend for a line of the cache they need not share.

/// 64 bytes of nothing: what stands before it in an object and what stands behind it are in different lines.
struct CacheLine {
  private let words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
    (0, 0, 0, 0, 0, 0, 0, 0)
}
