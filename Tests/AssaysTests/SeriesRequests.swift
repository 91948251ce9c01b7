// Requests of the second generation, in the shape that its client sends.

import Assays
import JSON
import Records

enum SeriesRequests {
    /// The summary that a real service recorded, of 100 values in five bins.
    static let summary = """
        {"name":"out.score","bins":{"mode":{"Quantile":5},\
        "edges":[0.388652376,0.5923209300000001,0.78850774,0.895255028,"INFINITY"],\
        "labels":["< 20%","20% - 40%","40% - 60%","60% - 80%","> 80%"]},\
        "aggregated_values":[0.2,0.2,0.2,0.2,0.2],"aggregation":"Density",\
        "statistics":{"count":100,"min":0.3479154,"max":0.9972307,"mean":0.7354536938095237,\
        "median":0.779883915,"std":0.1851688980561408},"start":null,"end":null}
        """

    static let summarizer = """
        {"UnivariateContinuous":{"bin_mode":{"Quantile":5},"aggregation":"Density","metric":"PSI",\
        "bin_weights":null}}
        """

    static let origin = """
        {"pipeline_name":"fraud","pipeline_id":777,"workspace_name":"risk","workspace_id":1529,\
        "model_id":"m","locations":null}
        """

    static let iopath = """
        [{"field":"out.score","indexes":null,"thresholds":{"warning":0.1,"alert":0.1}}]
        """

    static func targeting(_ iopath: String = iopath, origin: String = origin) -> String {
        "{\"data_origin\":\(origin),\"iopath\":\(iopath)}"
    }

    static let scheduling = """
        {"first_run":"2025-03-19T16:37:00Z","end":null,\
        "run_frequency":{"SimpleRunFrequency":{"unit":"Minute","quantity":1}}}
        """

    static func schedule(
        name: String = "\"watch\"", baseline: String = "{\"Summary\":{\"out.score\":\(summary)}}",
        scheduling: String = scheduling, summarizer: String = summarizer, targeting: String = targeting(),
        window: String = "{\"width\":{\"seconds\":60}}"
    ) -> String {
        """
        {"name":\(name),"baseline":\(baseline),"scheduling":\(scheduling),"summarizer":\(summarizer),\
        "targeting":\(targeting),"window":\(window)}
        """
    }

    /// Element 0 of `out.a` and the field `out.a.0`, each with a baseline of its own, as assays were stored
    /// before such paths were refused.
    static let calledAlike = calledAlike(with: [
        summary, summary.replacing("\"max\":0.9972307", with: "\"max\":0.99"),
    ])

    static func calledAlike(with summaries: [String]) -> String {
        schedule(
            baseline: "{\"Summary\":{"
                + summaries.map { "\"out.a.0\":\($0)" }.joined(separator: ",") + "}}",
            targeting: targeting("[{\"field\":\"out.a\",\"indexes\":[0]},{\"field\":\"out.a.0\"}]"))
    }

    static func definition(_ text: String = schedule()) throws -> SeriesDefinition {
        try SeriesDefinition(Requests.field(text))
    }
}
