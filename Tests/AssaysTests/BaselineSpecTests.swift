// Invariants checked: the three at the head of BaselineSpec.swift, in that order.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

struct BaselineSpecTests {
    static let fixed =
        #"{"pipeline_name":"p","path":"output y 0","start":"2024-01-09T19:00:00Z","width":"90 ms"}"#

    @Test(
        "every kind reads back from its JSON",
        arguments: [
            #"{"static":\#(Requests.summary)}"#, #"{"calculated":{"vector":[1.5,null,2,-0.0]}}"#,
            #"{"vector":[1]}"#, #"{"calculated":{"fixed_window":\#(fixed)}}"#,
            #"{"fixed":\#(fixed)}"#,
            #"{"calculated":{"sliding_window":{"window":\#(fixed),"offset":"7 days"}}}"#,
            #"{"sliding_window":{"window":{"pipeline":"p","path":"output y","width":"1 day"},"offset":"1 day"}}"#,
        ])
    func kindsReadBack(text: String) throws {
        let spec = try BaselineSpec(Requests.field(text))
        #expect(try BaselineSpec(Requests.field(spec.json.text)) == spec)
    }

    @Test(
        "the generations' names for a fixed window mean the same",
        arguments: [
            #"{"fixed_window":W}"#, #"{"fixed":W}"#, #"{"Fixed":W}"#,
            #"{"calculated":{"fixed_window":W}}"#, #"{"calculated":{"fixed":W},"static":null}"#,
        ])
    func fixedWindows(text: String) throws {
        let expected = try BaselineSpec(
            Requests.field(#"{"calculated":{"fixed_window":\#(Self.fixed)}}"#))
        let dated = #"""
            {"pipeline":"p","path":"output y 0","start_at":"2024-01-09T19:00:00+00:00",\#
            "end_at":"2024-01-09T14:00:00.090-05:00"}
            """#
        for window in [Self.fixed, dated] {
            #expect(try BaselineSpec(Requests.field(text.replacing("W", with: window))) == expected)
        }
        #expect(
            expected.period
                == TimeWindow(start: moment(0), end: Timestamp(milliseconds: 1_704_826_800_090)))
        #expect(expected.end == expected.period?.end)
    }

    @Test("a period of odd microseconds keeps its length")
    func oddPeriods() throws {
        let text = #"""
            {"fixed":{"pipeline":"p","path":"output y 0","start_at":"2024-01-09T19:00:00Z",\#
            "end_at":"2024-01-09T19:00:00.000123Z"}}
            """#
        let spec = try BaselineSpec(Requests.field(text))
        #expect(try BaselineSpec(Requests.field(spec.json.text)) == spec)
        #expect(spec.period?.end.zuluText == "2024-01-09T19:00:00.000123Z")
    }

    @Test("a sliding window's period moves with the window")
    func slidingPeriods() throws {
        let spec = try BaselineSpec(
            Requests.field(
                #"{"sliding_window":{"window":{"pipeline":"p","path":"output y","width":"2 hours"},"offset":"1 day"}}"#
            ))
        let window = TimeWindow(start: moment(86_400), end: moment(86_460))
        #expect(spec.period(for: window) == TimeWindow(start: moment(0), end: moment(7200)))
        #expect(spec.period == nil)
        let fixed = try BaselineSpec(Requests.field(#"{"fixed":\#(Self.fixed)}"#))
        #expect(fixed.period(for: window) == fixed.period)
        #expect(try BaselineSpec(Requests.field(#"{"vector":[1]}"#)).period(for: window) == nil)
    }

    @Test(
        "a baseline that is none, or two, or empty is refused",
        arguments: [
            ("{}", "b"), ("null", "b"), ("[]", "b"), (#"{"static":null}"#, "b"),
            (#"{"calculated":{}}"#, "b"), (#"{"vector":[1],"fixed":{}}"#, "b"),
            (#"{"vector":[1],"calculated":{"vector":[1]}}"#, "b"),
            (#"{"vector":[]}"#, "b.vector"), (#"{"vector":[null,null]}"#, "b.vector"),
            (#"{"vector":[1,"NaN"]}"#, "b.vector[1]"), (#"{"vector":5}"#, "b.vector"),
            (#"{"vector":[1e999]}"#, "b.vector[0]"),
            (
                #"{"static":\#(Requests.summary.replacing("\"count\":4", with: "\"count\":0"))}"#,
                "b.static.count"
            ),
            (#"{"sliding_window":{"window":\#(fixed)}}"#, "b.sliding_window.offset"),
            (#"{"sliding_window":{"offset":"1 day"}}"#, "b.sliding_window.window"),
            (#"{"fixed":{"pipeline":"p","path":"output y","width":"1 day"}}"#, "b.fixed.start"),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start":"2024-01-09"}}"#,
                "b.fixed.width"
            ),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start":"2024-01-09","end":"2024-01-09"}}"#,
                "b.fixed.end"
            ),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start":"0001-01-01","end":"2024-01-09"}}"#,
                "b.fixed.end"
            ),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start":"9999-12-31","width":"2 days"}}"#,
                "b.fixed.start"
            ),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start_at":"2024-01-09","end_at":"2024-01-08"}}"#,
                "b.fixed.end_at"
            ),
            (
                #"{"fixed":{"pipeline":"p","path":"output y","start":"2024-01-09","end":"2024-01-10","width":"2 days"}}"#,
                "b.fixed.end"
            ),
        ])
    func refusals(text: String, field: String) throws {
        let json = JSONField(try JSONValue(parsing: text), path: "b")
        let error = #expect(throws: FieldError.self) { try BaselineSpec(json) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }
}
