// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "AioGSource",
  products: [
    .library(name: "AioGSource", targets: ["AioGSource"]),
    .library(name: "AioGSourceMainExecutor", targets: ["AioGSourceMainExecutor"]),
    .executable(name: "aio-bench", targets: ["aio-bench"]),
    .executable(name: "aio-tour", targets: ["aio-tour"]),
    .executable(name: "hello-loop", targets: ["hello-loop"]),
    .executable(name: "aio-copy", targets: ["aio-copy"]),
    .executable(name: "aio-pool", targets: ["aio-pool"]),
    .executable(name: "aio-nbd", targets: ["aio-nbd"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
  ],
  targets: [
    // GIO too: its headers and library are where GObject's are, and the module map links it. Its own description passes
    // -pthread on, which SwiftPM warns of.
    .systemLibrary(
      name: "CGLib", pkgConfig: "gobject-2.0", providers: [.apt(["libglib2.0-dev"])]),
    .systemLibrary(
      name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(name: "CSwiftRuntime"),
    .target(name: "CThreadState"),
    .target(
      name: "AioGSource",
      dependencies: [
        "CGLib", "CLiburing", "CSwiftRuntime", "CThreadState",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "AioGSourceMainExecutor", dependencies: ["AioGSource", "CGLib"]),
    .executableTarget(
      name: "hello-loop", dependencies: ["AioGSource"], path: "Sources/Examples/hello-loop"),
    .executableTarget(
      name: "aio-bench",
      dependencies: [
        "AioGSource", "CGLib", "CLiburing",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-bench"),
    .executableTarget(
      name: "aio-tour",
      dependencies: [
        "AioGSource", "CGLib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-tour"),
    .executableTarget(
      name: "aio-copy",
      dependencies: [
        "AioGSource", "CGLib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-copy"),
    .executableTarget(
      name: "aio-pool",
      dependencies: [
        "AioGSource", "CGLib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-pool"),
    .target(name: "NBDProtocol", path: "Sources/Examples/aio-nbd/Protocol"),
    .target(
      name: "NBDServer",
      dependencies: [
        "NBDProtocol", "AioGSource", "CGLib",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-nbd/Server",
      // Each switch of executors takes the runtime's lock on the task, and these functions stay where they are called.
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
    .executableTarget(
      name: "aio-nbd",
      dependencies: [
        "NBDBus", "NBDServer", "AioGSource", "CGLib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Sources/Examples/aio-nbd/Program"),
    .target(
      name: "SuiteSupport",
      dependencies: ["AioGSource", "AioGSourceMainExecutor", "CGLib", "CTestSupport"],
      path: "Tests/SuiteSupport"),
    .executableTarget(
      name: "MainActorSuite",
      dependencies: [
        "AioGSource", "AioGSourceMainExecutor", "CGLib", "SuiteSupport",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/MainActorSuite"),
    .executableTarget(
      name: "RunLoopSuite", dependencies: ["AioGSource", "CGLib", "SuiteSupport"],
      path: "Tests/RunLoopSuite"),
    .executableTarget(
      name: "Soak",
      dependencies: [
        "AioGSource", "CGLib", "CTestSupport", "SeededRandom",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Soak"),
    .executableTarget(
      name: "AsleepProgram",
      dependencies: ["AioGSource", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/AsleepProgram"),
    .executableTarget(
      name: "AsyncMainProgram", dependencies: ["AioGSource", "CGLib", "SuiteSupport"],
      path: "Tests/AsyncMainProgram"),
    .executableTarget(
      name: "AsyncIOGuide",
      dependencies: ["AioGSource", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/Guides/AsyncIOGuide"),
    .executableTarget(
      name: "ActorsGuide",
      dependencies: ["AioGSource", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/Guides/ActorsGuide"),
    .executableTarget(
      name: "MainActorGuide", dependencies: ["AioGSource", "CGLib"],
      path: "Tests/Guides/MainActorGuide"),
    .executableTarget(
      name: "CancellationGuide",
      dependencies: ["AioGSource", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/Guides/CancellationGuide"),
    .testTarget(name: "NBDProtocolTests", dependencies: ["NBDProtocol"]),
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .target(name: "SeededRandom", path: "Tests/SeededRandom"),
    .testTarget(
      name: "AioGSourceTests",
      dependencies: [
        "AioGSource", "AioGSourceMainExecutor", "CGLib", "CLiburing", "CTestSupport",
        "SeededRandom",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "NBDBus", dependencies: ["AioGSource", "CGLib", "NBDServer"],
      path: "Sources/Examples/aio-nbd/Bus"),
    .executableTarget(
      name: "NBDBusProgram",
      dependencies: ["AioGSource", "CGLib", "NBDBus", "NBDServer", "SuiteSupport"],
      path: "Tests/NBDBusProgram"),
    .testTarget(
      name: "NBDServerTests",
      dependencies: [
        "NBDServer", "NBDProtocol", "AioGSource",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(name: "NBDBusTests", dependencies: ["NBDBusProgram"]),
  ],
  swiftLanguageModes: [.v6]
)
