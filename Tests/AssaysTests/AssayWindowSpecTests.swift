// Invariants checked: the two at the head of AssayWindowSpec.swift, in that order.

import Assays
import JSON
import Records
import Testing

struct AssayWindowSpecTests {
    @Test("a window is shown with its own words and normalised moments, in the recorded order")
    func shape() throws {
        let spec = try AssayWindowSpec(Requests.field(Requests.window))
        let text = """
            {"interval":"30 seconds","model_name":"m","path":"output dense_1 0",\
            "pipeline_name":"fraud","start":"2024-01-09T19:07:59.566516Z","width":"1 minutes",\
            "workspace_id":7,"locations":[]}
            """
        #expect(spec.json.text == text)
        #expect(try AssayWindowSpec(Requests.field(text)) == spec)
        #expect(spec.width.span.microseconds == 60_000_000)
        #expect(spec.step.microseconds == 30_000_000)
        #expect(spec.locations == .home)
    }

    @Test("every window reads back from its JSON, whatever it leaves out")
    func windowsReadBack() throws {
        for interval in ["", #","interval":null"#, #","interval":" 2  HOURS""#] {
            for model in ["", #","model_name":"m""#, #","model":"m""#] {
                for start in ["", #","start_at":"2024-01-09 19:07:59""#] {
                    for rest in [
                        "", #","locations":["a","b"]"#, #","locations":[],"workspace_id":3"#,
                    ] {
                        let text =
                            #"{"pipeline":"p","path":"in.age","width":"1 day""#
                            + interval + model + start + rest + "}"
                        let spec = try AssayWindowSpec(Requests.field(text))
                        #expect(try AssayWindowSpec(Requests.field(spec.json.text)) == spec)
                        #expect(spec.path.text == "input age")
                    }
                }
            }
        }
        let bare = try AssayWindowSpec(
            Requests.field(#"{"pipeline":"p","path":"in.age","width":"1 day"}"#))
        #expect(bare.step.microseconds == 86_400_000_000)
        #expect(bare.locations == .all)
        #expect(bare.json["interval"] == .null)
        #expect(bare.json["locations"] == .null)
    }

    @Test("what the window leaves out is taken from the request around it")
    func defaults() throws {
        let around = try Requests.field(
            #"{"pipeline_name":"p","iopath":"output y 1","workspace_id":4}"#)
        let spec = try AssayWindowSpec(
            Requests.field(#"{"width":"1 day"}"#),
            defaults: AssayWindowSpec.Defaults(
                pipelineName: around["pipeline_name"], path: around["iopath"],
                workspaceID: around["workspace_id"]))
        #expect(spec.pipelineName == "p")
        #expect(spec.path.text == "output y 1")
        #expect(spec.workspaceID == WorkspaceID(4))
    }

    @Test(
        "a refusal names the field",
        arguments: [
            (#"{"path":"output y 0","width":"1 day"}"#, "w.pipeline_name"),
            (#"{"pipeline":7,"path":"output y 0","width":"1 day"}"#, "w.pipeline"),
            (#"{"pipeline":"p","width":"1 day"}"#, "w.path"),
            (#"{"pipeline":"p","path":"outputs 0 0","width":"1 day"}"#, "w.path"),
            (#"{"pipeline":"p","path":"output y 0"}"#, "w.width"),
            (#"{"pipeline":"p","path":"output y 0","width":"banana"}"#, "w.width"),
            (#"{"pipeline":"p","path":"output y 0","width":60}"#, "w.width"),
            (#"{"pipeline":"p","path":"output y 0","width":"0 ms"}"#, "w.width"),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","interval":"-1 day"}"#,
                "w.interval"
            ),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","start":1704827279}"#,
                "w.start"
            ),
            (#"{"pipeline":"p","path":"output y 0","width":"1 day","start":"soon"}"#, "w.start"),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","workspace_id":"7"}"#,
                "w.workspace_id"
            ),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","workspace_id":0}"#,
                "w.workspace_id"
            ),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","locations":"edge"}"#,
                "w.locations"
            ),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","locations":[1]}"#,
                "w.locations[0]"
            ),
            (#"{"pipeline":"p","path":"output y 0","width":"365251 days"}"#, "w.width"),
            (
                #"{"pipeline":"p","path":"output y 0","width":"1 day","interval":"100000 weeks"}"#,
                "w.interval"
            ),
            (
                #"{"pipeline":"p","path":"output y 0","width":"2 days","start":"9999-12-31"}"#,
                "w.start"
            ),
            ("[]", "w"), ("null", "w"),
        ])
    func refusals(text: String, field: String) throws {
        let json = JSONField(try JSONValue(parsing: text), path: "w")
        let error = #expect(throws: FieldError.self) { try AssayWindowSpec(json) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }
}
