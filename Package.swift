// swift-tools-version: 6.2

// The house plan. Rooms stand in the order data flows, and a room uses only rooms above it:
// the table is the order, and the precondition below refuses a row that breaks it.
// `Tools/dev build` adds the import check, so that an import not written here does not build.

import PackageDescription

struct Room {
    enum Kind {
        case swift, c, executable
        /// A library of the system, by its name for pkg-config.
        case system(String)
    }
    var name: String
    var kind = Kind.swift
    var uses: [String] = []
    var libraries: [Target.Dependency] = []
    /// What its tests use besides; here a room may look down.
    var testUses: [String] = []
    var testLibraries: [Target.Dependency] = []
    var tested = true
}

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let network: [Target.Dependency] = [
    hummingbird,
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "Logging", package: "swift-log"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
]

let rooms: [Room] = [
    Room(name: "CZstd", kind: .system("libzstd"), tested: false),
    Room(name: "CLZ4", kind: .system("liblz4"), tested: false),
    Room(name: "CChecksum", kind: .c, tested: false),
    Room(name: "CColumns", kind: .c, tested: false),
    Room(name: "CNumbers", kind: .c, tested: false),
    Room(name: "Bytes", uses: ["CZstd", "CLZ4", "CChecksum", "CColumns"]),
    Room(name: "JSON", uses: ["CNumbers", "Bytes"]),
    Room(name: "Disk"),
    Room(name: "Simulation", uses: ["Bytes", "Disk"]),
    Room(name: "Records", uses: ["Bytes", "JSON"]),
    Room(name: "Wire", uses: ["Bytes", "JSON", "Records"], testUses: ["TestSupport"]),
    Room(
        name: "Segments", uses: ["CColumns", "Bytes", "Disk", "Records"], testUses: ["JSON", "TestSupport"]),
    Room(
        name: "EventLog", uses: ["Bytes", "JSON", "Disk", "Records", "Wire", "Segments"],
        testUses: ["Queries", "TestSupport", "CrashPoints"]),
    Room(
        name: "Queries", uses: ["Bytes", "JSON", "Records", "Segments", "EventLog"],
        testUses: ["Disk", "TestSupport"]),
    Room(name: "CSort", kind: .c, tested: false),
    Room(name: "CSums", kind: .c, tested: false),
    Room(name: "Summaries", uses: ["Bytes", "CSort", "CSums"], testUses: ["TestSupport"]),
    Room(
        name: "Assays", uses: ["Bytes", "JSON", "Records", "Summaries"], testUses: ["TestSupport"]),
    Room(
        name: "Alerts", uses: ["Bytes", "JSON", "Records", "Assays"], testUses: ["TestSupport"]),
    Room(name: "Catalog", uses: ["Bytes", "JSON", "Records"], testUses: ["TestSupport"]),
    Room(name: "Serving", testUses: ["TestSupport"]),
    Room(name: "CMemory", kind: .c, tested: false),
    Room(
        name: "Store",
        uses: [
            "CMemory", "Bytes", "JSON", "Disk", "Records", "Wire", "Segments", "EventLog", "Queries",
            "Summaries",
            "Assays", "Alerts", "Catalog", "Serving",
        ], libraries: [.product(name: "Logging", package: "swift-log")],
        testUses: ["TestSupport", "StoreSupport"]),
    Room(
        name: "HTTPAPI",
        uses: [
            "Bytes", "JSON", "Records", "EventLog", "Queries", "Summaries", "Assays", "Alerts", "Catalog",
            "Serving", "Store", "Wire",
        ],
        libraries: network + [.product(name: "AsyncHTTPClient", package: "async-http-client")],
        testUses: ["Disk", "Segments", "TestSupport", "StoreSupport"],
        testLibraries: [.product(name: "HummingbirdTesting", package: "hummingbird")]),
    Room(
        name: "assaylog", kind: .executable,
        uses: [
            "CMemory", "Bytes", "JSON", "Disk", "Records", "EventLog", "Queries", "Summaries", "Assays",
            "Alerts", "Catalog", "Serving", "Store", "Wire", "HTTPAPI",
        ],
        libraries: [
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
        ], tested: false),
]

for (position, room) in rooms.enumerated() {
    for used in room.uses {
        precondition(
            rooms[..<position].contains { $0.name == used },
            "\(room.name) uses \(used), which is not a room above it.")
    }
}

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    // A generic type is made from its parts, which are known here, and not looked up by its name at first use: the
    // lookups, each a search through all conformances of the program, were two fifths of opening a log.
    .unsafeFlags(
        ["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"],
        .when(configuration: .release)),
]

let targets: [Target] = rooms.flatMap { room -> [Target] in
    let dependencies = room.uses.map { Target.Dependency.target(name: $0) } + room.libraries
    let target: Target =
        switch room.kind {
        case .system(let library):
            .systemLibrary(name: room.name, pkgConfig: library, providers: [.apt([library + "-dev"])])
        case .c: .target(name: room.name)
        case .swift:
            .target(name: room.name, dependencies: dependencies, swiftSettings: strict)
        case .executable:
            .executableTarget(name: room.name, dependencies: dependencies, swiftSettings: strict)
        }
    guard room.tested else { return [target] }
    // Any test may use the simulated disk and its seeded numbers.
    let testRooms = Set([room.name, "Simulation"] + room.uses + room.testUses)
    let tests = Target.testTarget(
        name: room.name + "Tests",
        dependencies: testRooms.sorted().map { .target(name: $0) } + room.libraries + room.testLibraries,
        swiftSettings: strict)
    return [target, tests]
}

/// What the tests of several rooms share: random records, a plain array that says what a log holds, the
/// repository's files.
let testSupport = Target.target(
    name: "TestSupport",
    dependencies: ["Bytes", "Disk", "Simulation", "Records", "Segments", "EventLog", "Serving"],
    path: "Tests/TestSupport", swiftSettings: strict)

/// What the tests stand on that have a store: a folder that vanishes, a clock that is told what it says.
let storeSupport = Target.target(
    name: "StoreSupport",
    dependencies: [
        "Records", "Store", "TestSupport", .product(name: "Logging", package: "swift-log"),
    ], path: "Tests/StoreSupport", swiftSettings: strict)

/// A log's histories on a simulated disk, cut off anywhere: for its tests, and for a program that tries
/// many more of them in an optimised build.
let crashPoints = Target.target(
    name: "CrashPoints",
    dependencies: [
        "Bytes", "Disk", "Simulation", "Records", "Segments", "EventLog", "Serving", "Store", "TestSupport",
    ], path: "Tests/CrashPoints", swiftSettings: strict)
let simulate = Target.executableTarget(
    name: "Simulate", dependencies: ["CrashPoints"], path: "Tools/Simulate", swiftSettings: strict)

/// Runs the built executable, as a person would; and has it parse the examples of its help.
let commandLineTests = Target.testTarget(
    name: "CommandLineTests",
    dependencies: [
        "assaylog", "Disk", "JSON", "TestSupport", "Wire",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ], swiftSettings: strict)

let package = Package(
    name: "assaylog",
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.32.0"),
    ],
    targets: targets + [testSupport, storeSupport, crashPoints, simulate, commandLineTests])
