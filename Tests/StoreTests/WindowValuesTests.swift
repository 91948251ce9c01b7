// Invariants checked: the two at the head of WindowValues.swift, in that order, for home, named and all
// locations, models, and pipelines of one name; then what a path that nobody has means.

import Assays
import Catalog
import JSON
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Whose numbers an assay looks at")
struct WindowValuesTests {
    static func spec(_ locations: String = "null", more: String = "") throws -> AssayWindowSpec {
        let text = """
            {"pipeline_name":"fraud","path":"output y","width":"1 minute","locations":\(locations)\(more)}
            """
        return try AssayWindowSpec(JSONField(try JSONValue(parsing: text)))
    }

    static func values(_ scene: Scene, _ locations: String = "null", more: String = "") throws -> [Double] {
        try scene.store.view.values(of: try spec(locations, more: more), in: .always).values
    }

    @Test("no list means every partition, an empty one means home, a list means those")
    func locations() async throws {
        var scene = try await Scene()
        try await scene.append([(0, 1)])
        try await scene.append([(1, 2)], partition: "houston")
        try await scene.append([(2, 3)], partition: "oslo")
        #expect(try Self.values(scene) == [1, 2, 3])
        // Nothing was declared an edge, so all of it is home.
        #expect(try Self.values(scene, "[]") == [1, 2, 3])
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        #expect(try Self.values(scene) == [1, 2, 3])
        #expect(try Self.values(scene, "[]") == [1, 3])
        #expect(try Self.values(scene, "[\"houston\"]") == [2])
        #expect(try Self.values(scene, "[\"oslo\",\"houston\"]") == [2, 3])
        #expect(try Self.values(scene, "[\"nowhere\"]") == [])

        scene = try await scene.restarted()
        #expect(try Self.values(scene, "[]") == [1, 3])
        try await scene.store.close()
    }

    @Test("who asks of an empty home is told the partitions with records; a stored assay finds nothing there")
    func emptyHome() async throws {
        let scene = try await Scene()
        #expect(try Self.values(scene, "[]") == [])
        try await scene.append([(0, 1)], partition: "houston")
        try await scene.append([(0, 1)], partition: "bergen")
        for name in ["houston", "bergen"] {
            try await scene.store.declareLocation(name, of: scene.pipeline.id)
        }
        let spec = try Self.spec("[]")
        let error = #expect(throws: FieldError.self) { try scene.store.view.checkScope(of: spec) }
        #expect(error?.field == "locations")
        #expect(error?.problem.contains("bergen, houston") == true)
        // An assay that is stored goes on.
        #expect(try Self.values(scene, "[]") == [])
        try await scene.store.close()
    }

    @Test("declaring a location again is no new event")
    func declaredTwice() async throws {
        let scene = try await Scene()
        try await scene.store.declareLocation("oslo", of: scene.pipeline.id)
        let cut = scene.store.log.cut
        try await scene.store.declareLocation("oslo", of: scene.pipeline.id)
        #expect(scene.store.log.cut == cut)
        try await scene.store.close()
    }

    @Test("a question about an earlier cut looks at the home of that time")
    func homeOfItsTime() async throws {
        var scene = try await Scene()
        try await scene.append([(0, 1)])
        try await scene.append([(1, 2)], partition: "houston")
        let cut = scene.store.log.cut
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        for _ in 0..<2 {
            #expect(try Self.values(scene, "[]") == [1])
            #expect(
                try scene.store.view.values(of: try Self.spec("[]"), in: .always, cut: cut).values == [1, 2])
            scene = try await scene.restarted()
        }
        try await scene.store.close()
    }

    @Test("a model's name leaves out the answers of other models")
    func models() async throws {
        let scene = try await Scene()
        try await scene.append([(0, 1), (1, 2)], model: "old")
        try await scene.append([(2, 3)], model: "new")
        #expect(try Self.values(scene, more: ",\"model_name\":\"new\"") == [3])
        #expect(try Self.values(scene, more: ",\"model_name\":\"nobody\"") == [])
        #expect(try Self.values(scene) == [1, 2, 3])
        try await scene.store.close()
    }

    @Test("two pipelines of one name are told apart by their workspaces, and never guessed")
    func twoPipelines() async throws {
        let scene = try await Scene()
        try await scene.store.change { catalog in
            [try catalog.createWorkspace(name: "other", createdBy: "ann", at: scene.clock.now)]
        }
        let other = try await Scene.createPipeline("fraud", in: WorkspaceID(2), scene.store, scene.clock)
        try await scene.append([(0, 1)])
        try await scene.append([(0, 10)], to: other)
        #expect(try Self.values(scene, more: ",\"workspace_id\":1") == [1])
        #expect(try Self.values(scene, more: ",\"workspace_id\":2") == [10])
        let error = #expect(throws: CatalogError.self) { try Self.values(scene) }
        #expect(
            error?.description.contains("workspace 1 (pipeline 1) and of workspace 2 (pipeline 2)") == true)
        #expect(throws: CatalogError.self) { try Self.values(scene, more: ",\"workspace_id\":3") }
        try await scene.store.close()
    }

    // The baseline's own window was looked up by name alone, and became ambiguous.
    @Test("an assay goes on when its pipeline's name is given again in another workspace")
    func namesakeLater() async throws {
        let scene = try await Scene()
        try await scene.append([(-30, 1), (-20, 2), (5, 1)])
        let fixed = """
            {"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"2024-01-09T18:59:00Z",\
            "width":"1 minute"}}
            """
        let id = try await scene.createAssay(baseline: fixed)
        let sliding = try await scene.createAssay(
            "sliding",
            baseline: """
                {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"1 minute"},\
                "offset":"1 minute"}}
                """)
        try await scene.store.change { catalog in
            [try catalog.createWorkspace(name: "other", createdBy: "ann", at: scene.clock.now)]
        }
        try await Scene.createPipeline("fraud", in: WorkspaceID(2), scene.store, scene.clock)
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        #expect(try scene.decisions(sliding) == ["0:complete1"])
        try await scene.store.close()
    }

    @Test("a path that no record has is refused with what to write, when there are records")
    func unknownPath() async throws {
        let scene = try await Scene()
        scene.clock.set(moment(600))
        let request = try Scene.request(path: "output z 3")
        #expect(try scene.store.view.runInteractive(request) == [])
        try await scene.append([(0, 1)])
        let error = #expect(throws: FieldError.self) { try scene.store.view.runInteractive(request) }
        #expect(error?.field == "window.path")
        #expect(error?.problem.contains("\"output z 3\"") == true)
        try await scene.store.close()
    }

    @Test("an assay is not created on a pipeline, a workspace or a baseline that is not there")
    func incomplete() async throws {
        let scene = try await Scene()
        func problem(_ baseline: String? = nil, _ change: (inout AssayDefinition) -> Void = { _ in }) async
            -> String
        {
            await refusal {
                var request = try Scene.request(baseline: baseline)
                change(&request.definition)
                _ = try await scene.store.createAssay(request)
            }
        }
        #expect(
            await problem { $0.pipelineID = PipelineID(7) }
                == "field \"pipeline_id\" is 7, and there is no such pipeline; create it first")
        #expect(
            await problem { $0.pipelineName = "other" }
                == "field \"pipeline_name\" is \"other\", but pipeline 1 is called \"fraud\"; give the name and the "
                + "number of one pipeline")
        #expect(
            await problem { $0.workspaceID = WorkspaceID(9) }
                == "field \"workspace_id\" is 9, and there is no such workspace; create it first")
        let elsewhere = "{\"pipeline_name\":\"nope\",\"path\":\"output y\",\"width\":\"1 minute\""
        #expect(
            await problem("{\"fixed_window\":\(elsewhere),\"start\":\"2024-01-09T18:59:00Z\"}}")
                .contains("is \"nope\", and there is no such pipeline"))
        #expect(
            await problem("{\"sliding_window\":{\"window\":\(elsewhere)},\"offset\":\"1 hour\"}}")
                .contains("is \"nope\", and there is no such pipeline"))
        #expect(scene.store.book.list().isEmpty)
        try await scene.store.close()
    }
}
