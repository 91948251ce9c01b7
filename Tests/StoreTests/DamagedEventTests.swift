// Invariant checked: who writes does not go on without an event; who reads sees the rest, and is told.

import Disk
import EventLog
import Foundation
import Queries
import StoreSupport
import Testing

@testable import Store

struct DamagedEventTests {
    @Test("damage to an event ends the server's opening; readers have every record, and are told")
    func damagedEvent() async throws {
        let scene = try await HousekeepingTests.filled()
        let data = scene.folder.path
        let topic = scene.pipeline.topic.name
        let expected = try HousekeepingTests.numbers(scene.store.log.snapshot(), topic)
        try await scene.store.close()
        let whole = try StoreView.open(data)
        #expect(whole.report.damages == [] && whole.view.snapshot.index.unseen == [])
        let events = whole.view.snapshot.index.events.filter {
            InferenceStore.EventName.folded.contains($0.entry.name)
        }
        #expect(events.count > 1)
        for place in events {
            let file = URL(fileURLWithPath: data + "/" + FileName.segment(place.segment))
            let bytes = try Data(contentsOf: file)
            var damaged = bytes
            damaged[place.entry.offset + place.entry.byteCount / 2] ^= 1
            try damaged.write(to: file)

            let refusal = await #expect(throws: StoreRefusal.self) {
                let store = try InferenceStore.open(StoreConfiguration(directory: data)).store
                try await store.close()
            }
            #expect(refusal?.description.contains("restore the directory from a backup") == true)
            let (view, report) = try StoreView.open(data)
            let offset = "byte \(place.entry.offset)"
            #expect(report.damages.count == 1 && report.damages[0].contains(offset), "\(report.damages)")
            #expect(view.snapshot.index.unseenRemark?.contains(offset) == true)
            let found = try HousekeepingTests.numbers(view.snapshot, topic)
            #expect(found.times == expected.times && found.values == expected.values)
            #expect(!found.statistics.unseen.isEmpty)
            try bytes.write(to: file)
        }
        let store = try InferenceStore.open(StoreConfiguration(directory: data)).store
        try await store.close()
    }
}
