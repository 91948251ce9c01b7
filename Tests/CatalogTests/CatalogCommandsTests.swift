// Invariants checked: the two at the head of Catalog+Commands.swift, in that order; and the
// second of Pipeline.swift.

import JSON
import Records
import TestSupport
import Testing

@testable import Catalog

struct CatalogCommandsTests {
    @Test("a workspace's name is unique, and the refusal names the one that has it")
    func duplicateWorkspace() throws {
        let scene = try Scene.deployed()
        let error = #expect(throws: CatalogError.self) {
            try scene.catalog.createWorkspace(name: "w", createdBy: "joe", at: moment(9))
        }
        #expect(error?.kind == .duplicate)
        #expect(error?.field == "workspace_name")
        #expect(error?.problem.contains("workspace 1") == true)
    }

    @Test("what a command needs must exist")
    func unknownThings() throws {
        let catalog = try Scene.deployed().catalog
        func refusal(_ command: () throws -> Void) -> String? {
            let error = #expect(throws: CatalogError.self, performing: command)
            #expect(error?.kind == .unknown)
            return error?.field
        }
        let moment = TestSupport.moment(9)
        #expect(
            refusal {
                _ = try catalog.addModelVersion(
                    name: "m", in: WorkspaceID(2), version: "u", contents: Scene.contents(),
                    createdBy: "j", at: moment)
            } == "workspace_id")
        #expect(
            refusal {
                _ = try catalog.createPipeline(
                    name: "p", in: WorkspaceID(2), definition: try Scene.definition(), version: "u",
                    createdBy: "j", at: moment)
            } == "workspace_id")
        #expect(
            refusal {
                _ = try catalog.declareLocation("e", of: PipelineID(2), at: moment)
            } == "pipeline_id")
        #expect(
            refusal {
                _ = try catalog.deploy(
                    name: "p", pipelineVersionID: PipelineVersionID(2), at: moment)
            } == "pipeline_version_pk_id")
        #expect(
            refusal {
                _ = try catalog.deploy(
                    name: "p", pipelineVersionID: PipelineVersionID(1), pipelineID: PipelineID(7),
                    at: moment)
            } == "pipeline_id")
        #expect(
            refusal { _ = try catalog.undeploy(deploymentID: DeploymentID(2), at: moment) }
                == "deployment_id")
        #expect(
            refusal { _ = try catalog.undeploy(pipelineID: PipelineID(2), at: moment) }
                == "pipeline_id")
    }

    @Test("creating a pipeline again adds a version of it")
    func pipelineVersions() throws {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createPipeline(
                name: "p", in: WorkspaceID(1), definition: Scene.definition(), version: "uuid-p2",
                createdBy: "joe", at: moment(50)))
        #expect(scene.catalog.pipelines.all.count == 1)
        let pipeline = try scene.catalog.pipeline(named: "p")
        #expect(pipeline.versionIDs.map(\.number) == [1, 2])
    }

    @Test("redeploying a pipeline keeps the deployment's number")
    func redeploying() throws {
        var scene = try Scene.deployed()
        for second in Int64(60)...62 {
            for event in try scene.catalog.undeploy(
                pipelineID: PipelineID(1), at: moment(Double(second)))
            {
                scene.apply(event)
            }
            #expect(scene.catalog.deployments[DeploymentID(1)]?.isDeployed == false)
            #expect(
                try scene.catalog.undeploy(pipelineID: PipelineID(1), at: moment(Double(second)))
                    == [])
            scene.apply(
                try scene.catalog.deploy(
                    name: "p", pipelineVersionID: PipelineVersionID(1), pipelineID: PipelineID(1),
                    models: [Scene.model], at: moment(Double(second))))
            let deployment = try #require(scene.catalog.deployments[DeploymentID(1)])
            #expect(deployment.isDeployed)
            #expect(deployment.createdAt == moment(3))
            #expect(deployment.updatedAt == moment(Double(second)))
            #expect(deployment.modelVersionIDs == [ModelVersionID(1)])
        }
        #expect(scene.catalog.deployments.all.count == 1)
    }

    @Test("the same deployment name of another pipeline is another deployment")
    func sameNameElsewhere() throws {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createPipeline(
                name: "q", in: WorkspaceID(1), definition: Scene.definition(), version: "uuid-q1",
                createdBy: "joe", at: moment(50)))
        scene.apply(
            try scene.catalog.deploy(
                name: "p", pipelineVersionID: PipelineVersionID(2), at: moment(51)))
        #expect(scene.catalog.deployments.all.map(\.fullName) == ["p-1", "p-2"])
    }

    @Test("a deployment's models must exist, with their hashes")
    func deployedModels() throws {
        let scene = try Scene.deployed()
        func refusal(_ model: ModelReference) -> CatalogError? {
            #expect(throws: CatalogError.self) {
                try scene.catalog.deploy(
                    name: "p", pipelineVersionID: PipelineVersionID(1), models: [model],
                    at: moment(9))
            }
        }
        let wrongName = refusal(ModelReference(name: "nobody", version: "uuid-m1"))
        #expect(wrongName?.kind == .unknown)
        #expect(wrongName?.field == "models")
        let wrongVersion = refusal(ModelReference(name: "fraud", version: "uuid-m9"))
        #expect(wrongVersion?.problem.contains("newest version is uuid-m1") == true)
        let wrongHash = refusal(
            ModelReference(name: "fraud", version: "uuid-m1", sha256: "0000"))
        #expect(wrongHash?.kind == .invalid)
        #expect(wrongHash?.problem.contains("bc85") == true)
    }

    @Test("a definition's unknown models are refused when deployed, not when created")
    func definedModels() throws {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createPipeline(
                name: "p", in: WorkspaceID(1),
                definition: Scene.definition(ModelReference(name: "later", version: "u")),
                version: "uuid-p2", createdBy: "jane", at: moment(20)))
        let error = #expect(throws: CatalogError.self) {
            try scene.catalog.deploy(
                name: "p", pipelineVersionID: PipelineVersionID(2), models: [], at: moment(21)
            )
        }
        #expect(error?.field == "pipeline_version_pk_id")
    }

    @Test("a version must belong to the pipeline it is deployed with")
    func wrongPipeline() throws {
        var scene = try Scene.deployed()
        scene.apply(
            try scene.catalog.createPipeline(
                name: "q", in: WorkspaceID(1), definition: Scene.definition(), version: "uuid-q1",
                createdBy: "joe", at: moment(50)))
        let error = #expect(throws: CatalogError.self) {
            try scene.catalog.deploy(
                name: "p", pipelineVersionID: PipelineVersionID(1), pipelineID: PipelineID(2),
                at: moment(51))
        }
        #expect(error?.kind == .invalid)
        #expect(error?.problem.contains("belongs to pipeline 1") == true)
    }

    @Test("undeploying needs to be told what, and both numbers must agree")
    func undeploying() throws {
        let catalog = try Scene.deployed().catalog
        let neither = #expect(throws: CatalogError.self) {
            try catalog.undeploy(at: moment(9))
        }
        #expect(neither?.kind == .invalid)
        #expect(throws: CatalogError.self) {
            try catalog.undeploy(
                deploymentID: DeploymentID(1), pipelineID: PipelineID(2), at: moment(9))
        }
        let event = CatalogEvent.undeployed(DeploymentID(1), at: moment(9))
        #expect(
            try catalog.undeploy(
                deploymentID: DeploymentID(1), pipelineID: PipelineID(1), at: moment(9))
                == [event])
    }

    @Test("a location is declared once")
    func locations() throws {
        var scene = try Scene.deployed()
        for name in ["edge-2", "edge-1", "edge-2"] {
            scene.apply(
                try scene.catalog.declareLocation(name, of: PipelineID(1), at: moment(9)))
        }
        #expect(try scene.catalog.pipeline(named: "p").locations == ["edge-1", "edge-2"])
        #expect(scene.events.count == 4 + 2)
    }

    @Test(
        "a definition is an object with steps, or nothing",
        arguments: [
            "[]", "1", #"{"steps":{}}"#, #"{"steps":[{"ModelInference":{}}]}"#,
            #"{"steps":[{"ModelInference":{"models":[{"name":"m"}]}}]}"#,
            #"{"steps":[{"ModelInference":{"models":[{"name":"m","version":1}]}}]}"#,
        ])
    func definitions(text: String) throws {
        let json = JSONField(try JSONValue(parsing: text), path: "definition")
        let error = #expect(throws: FieldError.self) { try PipelineDefinition(json) }
        #expect(error?.field.hasPrefix("definition") == true)
    }

    @Test("steps that are not about models are kept")
    func otherSteps() throws {
        let text =
            #"{"steps":[{"Check":{"x":1}},{"ModelInference":{"models":[{"name":"m","version":"u"}]}}]}"#
        let json = try JSONValue(parsing: text)
        let definition = try PipelineDefinition(JSONField(json))
        #expect(definition.models == [ModelReference(name: "m", version: "u")])
        #expect(definition.json.text == text)
    }
}
