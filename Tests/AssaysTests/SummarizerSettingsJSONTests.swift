// Invariants checked: the two at the head of SummarizerSettings+JSON.swift, in that order.

import Assays
import JSON
import Summaries
import Testing

struct SummarizerSettingsJSONTests {
    @Test("all settings read back from their JSON")
    func settingsReadBack() throws {
        for binMode in BinMode.allCases {
            for aggregation in Aggregation.allCases {
                for metric in DriftMetric.allCases {
                    for weights in [nil, [1, 2, 3, 0.5, 0]] {
                        let settings = try SummarizerSettings(
                            binMode: binMode, aggregation: aggregation, metric: metric, numBins: 3,
                            binWeights: weights, providedEdges: [7, 0.5, -1])
                        let again = try SummarizerSettings(Requests.field(settings.json.text))
                        #expect(again == settings)
                    }
                }
            }
        }
    }

    @Test("members that never had an effect are dropped, and the order is the recorded one")
    func shape() throws {
        let settings = try SummarizerSettings(Requests.field(Requests.summarizer))
        #expect(
            settings.json.text == """
                {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density",\
                "metric":"PSI","num_bins":2,"bin_weights":null,"provided_edges":null}
                """)
    }

    @Test("what is left out is as the clients have it")
    func defaults() throws {
        #expect(try SummarizerSettings(Requests.field("{}")) == SummarizerSettings())
    }

    @Test(
        "a refusal names the member",
        arguments: [
            (#"{"type":"MultivariateContinuous"}"#, "type"), (#"{"type":1}"#, "type"),
            (#"{"bin_mode":"quantile"}"#, "bin_mode"), (#"{"bin_mode":"Magic"}"#, "bin_mode"),
            (#"{"aggregation":"Sum"}"#, "aggregation"), (#"{"metric":"KL"}"#, "metric"),
            (#"{"num_bins":0}"#, "num_bins"), (#"{"num_bins":-1}"#, "num_bins"),
            (#"{"num_bins":10001}"#, "num_bins"), (#"{"num_bins":"5"}"#, "num_bins"),
            (#"{"num_bins":2.5}"#, "num_bins"), (#"{"bin_weights":[1]}"#, "bin_weights"),
            (#"{"bin_weights":[0,0,0,0,0,0,0]}"#, "bin_weights"),
            (#"{"bin_weights":[1,1,1,"1",1,1,1]}"#, "bin_weights[3]"),
            (#"{"bin_weights":[1,1,1,null,1,1,1]}"#, "bin_weights[3]"),
            (#"{"bin_mode":"Provided"}"#, "provided_edges"), (#"{"weights":null}"#, "weights"),
            (#"{"bin_mode":"Provided","provided_edges":[1]}"#, "provided_edges"), ("[]", ""),
            (#"{"num_bins":2,"bin_mode":"Provided","provided_edges":[1,4,2]}"#, "provided_edges"),
        ])
    func refusals(text: String, field: String) throws {
        let json = try Requests.field(text)
        let error = #expect(throws: FieldError.self) { try SummarizerSettings(json) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }
}
