// swift-tools-version: 6.1
// Benchmarks, as a package of their own: users of the library do not resolve or build them.
import PackageDescription

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "AioGSource", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
  ],
  targets: [
    .target(name: "BenchReport"),
    .executableTarget(
      name: "bench",
      dependencies: [
        "BenchReport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .systemLibrary(name: "CMeasuring"),
    .target(name: "Measuring", dependencies: ["CMeasuring"]),
    .executableTarget(
      name: "measure-loop",
      dependencies: [
        "CMeasuring", "Measuring",
        .product(name: "AioGSource", package: "AioGSource"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(name: "measure-dispatch", dependencies: ["Measuring"]),
    .executableTarget(
      name: "measure-tasks",
      dependencies: [
        "Measuring",
        .product(name: "AioGSource", package: "AioGSource"),
        .product(name: "AioGSourceMainExecutor", package: "AioGSource"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(name: "measure-main", dependencies: ["Measuring"]),
    .executableTarget(
      name: "measure-io",
      dependencies: [
        "Measuring",
        .product(name: "AioGSource", package: "AioGSource"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "measure-nio",
      dependencies: [
        "Measuring",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(name: "BenchReportTests", dependencies: ["BenchReport"]),
  ],
  swiftLanguageModes: [.v6]
)
