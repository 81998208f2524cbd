// Copies of a file of 1 GiB from the page cache, until the copy is on the disk: aio-copy ends no sooner, so the others are
// made to wait for it too.

import Foundation

extension Command {
  static let copySize = 1 << 30

  static let aioCopy = Command(
    missing: { notBuilt($0.products.appending(path: "aio-copy")) },
    run: { setting, _ in
      try copy(setting) { source, destination in
        (setting.products.appending(path: "aio-copy").path, [source, destination])
      }
    })

  static let cp = Command(
    missing: { $0.find("cp") == nil ? "cp is not installed" : nil },
    run: { setting, _ in
      try copy(setting) { ("sh", ["-c", #"cp "$0" "$1" && sync "$1""#, $0, $1]) }
    })

  /// Without a search for zeroes, which the others do not make.
  static let qemuConvert = Command(
    missing: { $0.find("qemu-img") == nil ? "qemu-img is not installed" : nil },
    run: { setting, _ in
      try copy(setting) {
        (
          "qemu-img",
          ["convert", "-f", "raw", "-O", "raw", "-S", "0", "-t", "writeback", $0, $1]
        )
      }
    })

  /// MiB a second.
  private static func copy(
    _ setting: Setting, _ command: (String, String) -> (String, [String])
  ) throws -> Double {
    let source = try setting.file(bytes: copySize)
    let destination = setting.work.appending(path: "copy").path
    try? FileManager.default.removeItem(atPath: destination)
    let (program, arguments) = command(source, destination)
    let finished = try setting.run(program, arguments, pinning: .free)
    let size = try FileManager.default.attributesOfItem(atPath: destination)[.size] as? Int
    try FileManager.default.removeItem(atPath: destination)
    guard size == copySize else { throw Failure("\(program) copied \(size ?? 0) bytes") }
    return Double(copySize >> 20) / finished.seconds
  }
}
