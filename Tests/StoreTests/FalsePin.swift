// A pinned baseline that is not what the records say, as if another program had written the log.

import Assays
import EventLog
import JSON
import Records
import Segments
import Summaries
import Testing

@testable import Store

extension Scene {
    /// Pins an assay's baseline as what these numbers say, over the period that it has.
    func pinFalsely(_ id: AssayID, _ numbers: [Double]) async throws {
        let assay = try #require(store.book[id])
        let period = try #require(assay.definition.baseline.period)
        let other = try DatedSummary(
            ofBaseline: SortedSample(numbers), over: period, assay.definition.summarizer)
        let pin = try #require(
            try store.book.pinBaseline(of: id, other, cut: store.log.cut, at: clock.now))
        _ = try await store.log.append([
            .event(Event(name: InferenceStore.EventName.assay, document: Array(pin.json.text.utf8)))
        ])
    }
}
