// Invariants checked: the two at the head of AssayEvent.swift, and the first of AssayDecision.swift.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

struct AssayEventTests {
    /// One event of each kind, in an order that can be folded.
    static func events() throws -> [AssayEvent] {
        var book = AssayBook()
        var events: [AssayEvent] = []
        func append(_ event: AssayEvent?) {
            guard let event else { return }
            book.apply(event)
            events.append(event)
        }
        append(try book.create(Requests.definition(), isActive: true, at: moment(0)))
        append(try book.schedule(SeriesRequests.definition(), uuid: SeriesAssayTests.uuid, at: moment(1)))
        append(try book.setActive(AssayID(1), false, at: moment(1)))
        for (second, warning) in [(2, 0.125), (3, nil)] as [(Int64, Double?)] {
            append(
                book[AssayID(1)].map {
                    .change(
                        of: $0, to: AssayThresholds(alert: 0.5, warning: warning), at: moment(Double(second)))
                })
        }
        let settings = try SummarizerSettings(numBins: 2)
        append(
            try book.pinBaseline(
                of: AssayID(1),
                DatedSummary(
                    ofBaseline: SortedSample([1, 2, 2.5]),
                    over: TimeWindow(start: moment(0), end: moment(5)), settings),
                cut: 12, at: moment(4)))
        for (reason, status) in zip(DecisionReason.allCases, AssayStatus.allCases) {
            var analysis = WindowAnalysis(
                of: try AssayOutcomeTests.evaluator().outcome(
                    of: SortedSample([1, 2]), in: AssayOutcomeTests.window),
                reason: reason, analysedAt: moment(70), elapsedMilliseconds: 15)
            analysis.status = status
            for event in try book.decide([analysis], of: AssayID(1), cut: 77, runAt: moment(69)) {
                append(event)
            }
        }
        return events
    }

    @Test("every event reads back from its JSON text")
    func eventsReadBack() throws {
        let events = try Self.events()
        #expect(Set(events.map(\.json["kind"])).count == 6)
        for event in events {
            #expect(try AssayEvent(Requests.field(event.json.text)) == event)
        }
    }

    @Test("a decision about a window in a year without a text reads back")
    func farWindows() throws {
        var decision = try #require(try Self.events().last?.decision)
        decision.window = TimeWindow(
            start: Timestamp(microseconds: .min), end: Timestamp(microseconds: .min + 60_000_000))
        let event = AssayEvent.analysed(decision)
        #expect(try AssayEvent(Requests.field(event.json.text)) == event)
    }

    @Test("members that a later version adds are passed over; missing ones are refused by name")
    func members() throws {
        for event in try Self.events() {
            guard case .object(let object) = event.json else { continue }
            var more = object
            more.append("added_later", .bool(true))
            #expect(try AssayEvent(JSONField(.object(more))) == event)
            for member in object.members where member.key != "warning_threshold" {
                var without = object
                without[member.key] = nil
                let error = #expect(throws: FieldError.self, "\(event) without \(member.key)") {
                    try AssayEvent(JSONField(.object(without)))
                }
                #expect(error?.field.hasPrefix(member.key) == true)
            }
        }
    }

    @Test(
        "a decision that cannot be is refused",
        arguments: [
            ("kind", JSONValue.string("assay_retired")), ("digest", .string("abc")),
            ("window_end_microseconds", .integer(moment(0).microseconds)), ("cut", .integer(-1)),
            ("elapsed_millis", .integer(-1)), ("elapsed_millis", .integer(Int64.max)),
            ("revision", .integer(0)), ("definition_revision", .integer(Int64.max)),
            ("result_id", .integer(Int64.max)),
            ("reason", .string("boredom")), ("status", .string("Fine")), ("result_id", .integer(0)),
        ])
    func refusals(key: String, value: JSONValue) throws {
        var object = try #require(try Self.events().last?.json.document)
        object[key] = value
        let error = #expect(throws: FieldError.self) { try AssayEvent(JSONField(.object(object))) }
        #expect(error?.field == key)
    }
}

extension AssayEvent {
    /// The event of other thresholds, as versions before wrote it.
    static func change(of assay: Assay, to thresholds: AssayThresholds, at moment: Timestamp) -> AssayEvent {
        .thresholdsChanged(
            ThresholdChange(
                id: assay.id, thresholds: thresholds, definitionRevision: assay.definitionRevision + 1,
                at: moment))
    }
}
