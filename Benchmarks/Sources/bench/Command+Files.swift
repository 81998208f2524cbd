// Commands whose arguments are known when they run: a file of this run's, say. And the programs of others that read one.

import BenchReport
import Foundation

extension Command {
  typealias Arguments = @Sendable (Setting) throws -> [String]

  /// A measuring program of ours.
  static func ours(_ program: String, arguments: @escaping Arguments) -> Command {
    printing(arguments) { $0.products.appending(path: program) }
  }

  /// A measuring program in C.
  static func peer(_ program: String, arguments: @escaping Arguments) -> Command {
    printing(arguments) { $0.peers.appending(path: program) }
  }

  private static func printing(
    _ arguments: @escaping Arguments, _ program: @escaping @Sendable (Setting) -> URL
  ) -> Command {
    Command(
      missing: { notBuilt(program($0)) },
      run: { setting, pinning in
        let quick = setting.isQuick ? ["--quick"] : []
        return try setting.run(
          program(setting).path, try arguments(setting) + quick, pinning: pinning
        ).number()
      })
  }

  static func notBuilt(_ program: URL) -> String? {
    FileManager.default.isExecutableFile(atPath: program.path)
      ? nil : "\(program.lastPathComponent) was not built"
  }

  /// `qemu-img bench`, reads of 4 KiB: nanoseconds each. With `cpu` of the process's CPU time, its start included.
  static func qemuReads(
    _ engine: String, depth: Int, count: Int, direct: Bool = false, cpu: Bool = false
  ) -> Command {
    let count = { @Sendable (setting: Setting) in setting.isQuick ? count / 3 : count }
    return .tool(
      "qemu-img",
      arguments: { setting in
        [
          "bench", "-f", "raw", "-i", engine, "-t", direct ? "none" : "writeback", "-s", "4096",
          "-d", "\(depth)", "-c", "\(count(setting))", try setting.file(bytes: readFileSize),
        ]
      },
      value: { finished in
        guard let text = finished.output.firstMatch(of: #/completed in ([0-9.]+) seconds/#)?.1,
          let sent = finished.output.firstMatch(of: #/Sending ([0-9]+) /#)?.1,
          let seconds = Double(text), let count = Double(sent)
        else { throw Failure("qemu-img bench said: \(finished.output)") }
        return (cpu ? finished.cpuSeconds : seconds) / count * 1e9
      })
  }

  /// `fio`, sequential reads of 4 KiB: nanoseconds each.
  static func fioReads(_ engine: String, depth: Int, count: Int, direct: Bool) -> Command {
    .tool(
      "fio",
      arguments: { setting in
        [
          "--name=bench", "--filename=\(try setting.file(bytes: readFileSize))",
          "--ioengine=\(engine)", "--rw=read", "--bs=4k", "--iodepth=\(depth)",
          "--direct=\(direct ? 1 : 0)", "--invalidate=0", "--size=\(readFileSize)",
          "--io_size=\((setting.isQuick ? count / 3 : count) * 4096)", "--output-format=terse",
          "--terse-version=3",
        ]
      },
      value: { 1e9 / (try fioReadsASecond($0.output)) })
  }
}

/// How large a file is read: 256 MiB.
let readFileSize = 256 << 20

/// The eighth field of fio's terse output, version 3.
func fioReadsASecond(_ output: String) throws -> Double {
  for line in output.split(separator: "\n") where line.hasPrefix("3;") {
    let fields = line.split(separator: ";", omittingEmptySubsequences: false)
    if fields.count > 7, let rate = Double(fields[7]), rate > 0 { return rate }
  }
  throw Failure("fio said: \(output)")
}
