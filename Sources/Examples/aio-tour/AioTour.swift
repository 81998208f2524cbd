// aio-tour: what an AioContext does, on real input, beside GLib's own sources in one GMainLoop. `scripts/demo` runs it.

import AioGSource
import ArgumentParser
import CGLib
import Foundation

extension MonitorKind: ExpressibleByArgument {}

enum Driver: String, ExpressibleByArgument, CaseIterable {
  case glib
  case poll
}

/// One clear line for stderr, and exit status 1.
struct TourError: Error, CustomStringConvertible {
  let description: String
}

@main
struct AioTour: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aio-tour",
    abstract: "Shows an AioContext at work in a GMainLoop, and measures it beside GLib's sources.")

  @Argument(help: "The file to stream through a child process.")
  var file: String = ProcessInfo.processInfo.environment["AIO_TOUR_FILE"] ?? "README.md"

  @Option(help: "The monitor to demand; without it, the best there is.")
  var monitor: MonitorKind?

  @Option(help: "Who runs the context: GLib's main loop, or the context itself.")
  var driver: Driver = .glib

  @Flag(help: "Print one JSON object in place of the table.")
  var json = false

  func run() throws {
    do {
      let loop = try TourLoop(monitor: monitor, driver: driver)
      let report = try Tour(loop: loop, file: file, showsProgress: !json).run()
      print(json ? try report.json() : report.table())
    } catch let error as TourError {
      FileHandle.standardError.write(Data("aio-tour: \(error)\n".utf8))
      throw ExitCode(1)
    } catch is Interrupted {
      FileHandle.standardError.write(Data("aio-tour: interrupted\n".utf8))
      throw ExitCode(130)
    }
  }
}
