// Invariants checked: the two at the head of StoreView+Coverage.swift.

import Assays
import Records
import Testing

@testable import Store

@Suite("What an assay has to look at")
struct CoverageTests {
    static func coverage(
        _ scene: Scene, interval: String?, locations: String = "null", until: Double
    ) throws -> AssayCoverage {
        try scene.store.view.coverage(
            of: Scene.request(interval: interval, locations: locations).definition, at: moment(until))
    }

    @Test("a record counts once, whether windows overlap, touch or leave gaps")
    func counts() async throws {
        let scene = try await Scene()
        #expect(try Self.coverage(scene, interval: nil, until: 1000) == AssayCoverage())
        try await scene.append((-10..<300).map { (Double($0), 1) })
        try await scene.append([(500, 1), (900, 1)], partition: "edge")
        func expect(_ windowCount: Int, _ recordCount: Int, last: Double = 900, _ found: AssayCoverage) {
            #expect(
                found
                    == AssayCoverage(
                        windowCount: windowCount, recordCount: recordCount, first: moment(-10),
                        last: moment(last)))
        }
        expect(6, 301, try Self.coverage(scene, interval: nil, until: 600))
        expect(4, 240, try Self.coverage(scene, interval: nil, until: 299))
        // [0, 60), [30, 90) … [240, 300), [270, 330), and two that hold 500.
        expect(12, 301, try Self.coverage(scene, interval: "30 seconds", until: 600))
        // [0, 60), [120, 180), [240, 300), [480, 540).
        expect(4, 181, try Self.coverage(scene, interval: "2 minutes", until: 600))
        expect(
            5, 300, last: 299, try Self.coverage(scene, interval: nil, locations: "[\"engine\"]", until: 600))
        try await scene.store.close()
    }
}
