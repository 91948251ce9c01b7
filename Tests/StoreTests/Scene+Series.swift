// The same store with assays of the second generation: how they are asked for, and what became of them as texts.
//
// Windows are a minute wide and runs a minute apart from 60 seconds on, where nothing else is asked.

import Assays
import JSON
import Records
import Store
import StoreSupport
import TestSupport
import Testing

extension Scene {
    static func seriesRequest(
        _ name: String = "watch", baseline: String = "{\"Vector\":[1.0,2.0,3.0,4.0]}",
        frequency: String = "{\"SimpleRunFrequency\":{\"quantity\":1,\"unit\":\"Minute\"}}",
        firstRun: String = "2024-01-09T19:01:00Z", end: String = "null", width: Int = 60,
        iopath: String = "[{\"field\":\"out.y\",\"thresholds\":{\"alert\":0.25}}]",
        mode: String = "{\"Quantile\":2}",
        origin: String = "{\"pipeline_name\":\"fraud\"}"
    ) throws -> SeriesDefinition {
        try SeriesDefinition(
            JSONField(
                JSONValue(
                    parsing: """
                        {"name":"\(name)","baseline":\(baseline),\
                        "scheduling":{"first_run":"\(firstRun)","end":\(end),"run_frequency":\(frequency)},\
                        "summarizer":{"UnivariateContinuous":{"bin_mode":\(mode),"aggregation":"Density",\
                        "metric":"PSI","bin_weights":null}},\
                        "targeting":{"data_origin":\(origin),"iopath":\(iopath)},\
                        "window":{"width":{"seconds":\(width)}}}
                        """)))
    }

    var seriesScheduler: SeriesScheduler {
        SeriesScheduler(store, logger: noLog)
    }

    /// Ends of the decided windows in seconds, with reason, revision and status.
    func decisions(_ uuid: String) throws -> [String] {
        try #require(store.book[uuid: uuid]).decisions.map { decision in
            let seconds = (decision.window.end.microseconds - moment(0).microseconds) / 1_000_000
            return "\(seconds):\(decision.reason.rawValue)\(decision.revision):\(decision.status.rawValue)"
        }
    }

    func results(_ uuid: String) throws -> [JSONField] {
        try store.view.seriesResults(of: uuid, endingIn: .always).map {
            JSONField(try JSONValue(parsing: $0))
        }
    }
}

extension StoreView {
    /// The newest result of each window of an assay that ends in `period`, oldest first.
    func seriesResults(of uuid: String, endingIn period: TimeWindow) throws -> [[UInt8]] {
        let assay = try #require(book[uuid: uuid])
        return try seriesResults(of: assay, assay.decisions.decisions(assay.positions(endingIn: period)))
    }

    /// Every result of each window of an assay, by window, then by revision.
    func seriesRevisions(of uuid: String) throws -> [[UInt8]] {
        let assay = try #require(book[uuid: uuid])
        return try seriesResults(of: assay, assay.revisions(at: 0..<assay.decisions.count))
    }
}

extension InferenceStore {
    /// Schedules an assay as a request does; the answer is its UUID.
    func scheduleAssay(_ request: SeriesDefinition) async throws -> String {
        try await schedule(try view.schedulable(request))
    }
}
