// Invariants checked: the three at the head of BackfillBound.swift.

import Assays
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Windows that an assay begins with")
struct BackfillBoundTests {
    /// Ten records, a second apart, long ago.
    private func scene() async throws -> Scene {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        try await scene.append((0..<10).map { (Double($0), Double($0)) })
        return scene
    }

    private func refusals(
        _ scene: Scene, _ name: String = "", start: String? = "\"2024-01-09T19:00:00Z\"", width: String,
        interval: String, locations: String = "null"
    ) async throws -> [String] {
        let created = await refusal {
            _ = try await scene.createAssay(
                "on" + name, start: start, width: width, interval: interval, locations: locations)
        }
        let id = try await scene.createAssay(
            "off" + name, start: start, width: width, interval: interval, locations: locations,
            isActive: false)
        let switched = await refusal { try await scene.store.setActive(id, true) }
        #expect(try #require(scene.store.book[id]).isActive == switched.isEmpty)
        return [created, switched]
    }

    @Test("a day every millisecond is refused at creation and when it is switched on")
    func overlapping() async throws {
        let scene = try await scene()
        for told in try await refusals(scene, width: "1 day", interval: "1 ms") {
            #expect(
                told.hasPrefix("field \"window.interval\" puts each record into 86400000 windows")
                    && told.contains("\"window.start\""), "\(told)")
        }
        try await scene.store.close()
    }

    @Test("more windows than the bound are refused with their number, told by the index alone")
    func byIndex() async throws {
        let scene = try await scene()
        // Windows begin with the first record: nine thousand hold the ten.
        #expect(try await refusals(scene, width: "1 minute", interval: "1 ms") == ["", ""])
        for hour in 1...20 { try await scene.append([(Double(hour) * 3600, 1)]) }
        for told in try await refusals(scene, " more", width: "1 minute", interval: "1 ms") {
            #expect(
                told.contains("makes at least 1029001 windows that hold records and are due at once"),
                "\(told)")
        }
        try await scene.store.close()
    }

    // They were counted from the location's own first record, and that one counted once.
    @Test("windows of one location are counted from where they start, with the first record of all")
    func location() async throws {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        try await scene.append([(-3600, 1)])
        for hour in 0..<17 { try await scene.append([(Double(hour) * 3600, 1)], partition: "edge") }
        let found = try await refusals(
            scene, start: nil, width: "1 minute", interval: "1 ms", locations: "[\"edge\"]")
        for told in found {
            #expect(told.contains("makes at least 1020000 windows that hold records"), "\(told)")
        }
        try await scene.store.close()
    }

    @Test("where the index does not tell, the records do")
    func byRecords() async throws {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        // One block over half an hour, of which the ends are in a few thousand windows.
        try await scene.append((0..<2000).map { (Double($0), 1) })
        for told in try await refusals(scene, width: "2 seconds", interval: "1 ms") {
            #expect(
                told.contains("makes at least 1000") && told.contains("windows that hold records"), "\(told)")
        }
        try await scene.store.close()
    }

    @Test("a thousand windows of a millisecond, days apart, are few")
    func sparse() async throws {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        try await scene.append((0..<1000).map { (Double($0) * 600, 1) })
        #expect(try await refusals(scene, width: "1 ms", interval: "1 ms") == ["", ""])
        try await scene.store.close()
    }
}
