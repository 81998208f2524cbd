// swift-tools-version: 6.1
// Benchmarks, as a package of their own: users of the library do not resolve or build them.
import PackageDescription

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "AioGSource", path: ".."),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
  ],
  targets: [
    .executableTarget(
      name: "concurrency",
      dependencies: [
        .product(name: "AioGSource", package: "AioGSource"),
        .product(name: "SystemPackage", package: "swift-system"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
