// Which pipeline `--pipeline` and `--workspace` mean: one that there is, or one that `append --create` makes.
//
//     the name is held by   one                        several           none
//                           it is found                refused           --create: made in the workspace that is
//                                                                        named, else in the only one, or a first one
//                                                                        without: refused
//
// Invariants:
//  * Whoever knows the workspaces and who holds the name chooses alike: a directory and a server only carry it out.
//  * A workspace is meant by its name; where none is called so, by its number.
//  * None of several is picked, to append to or to make a pipeline in.

import Records

enum PipelineChoice<Holder> {
    case found(Holder)
    case make(PipelinePlace)
    case refused(PipelineRefusal)

    /// - Parameters:
    ///   - workspaces: all that are known.
    ///   - mayCreate: whether what there is none of is made.
    ///   - holders: who holds the pipeline's name in a workspace, or anywhere where it is nil, each with its
    ///     workspace's name.
    init(
        _ options: PipelineOptions, among workspaces: [(id: WorkspaceID, name: String)], mayCreate: Bool,
        holders: (WorkspaceID?) throws -> [(workspace: String, holder: Holder)]
    ) rethrows {
        var workspaceID: WorkspaceID?
        if let wanted = options.workspace {
            workspaceID =
                (workspaces.first { $0.name == wanted }
                ?? Int(wanted).flatMap { number in workspaces.first { $0.id.number == number } })?.id
            guard workspaceID != nil else {
                let problem = "--workspace is \"\(wanted)\", and there is no such workspace"
                self = mayCreate ? .make(.newWorkspace(wanted)) : .refused(.noWorkspace(problem))
                return
            }
        }
        let found = try holders(workspaceID)
        guard found.isEmpty else {
            self =
                found.count == 1
                ? .found(found[0].holder)
                : .refused(
                    .unclear(
                        "--pipeline is \"\(options.pipeline)\", which several workspaces have; "
                            + "add --workspace with one of "
                            + found.map(\.workspace).joined(separator: ", ")))
            return
        }
        let problem =
            "--pipeline is \"\(options.pipeline)\", and there is no such pipeline"
            + (options.workspace.map { " in workspace \"\($0)\"" } ?? "")
        if !mayCreate {
            self = .refused(.noPipeline(problem))
        } else if let place = workspaceID ?? (workspaces.count == 1 ? workspaces[0].id : nil) {
            self = .make(.workspace(place))
        } else if workspaces.isEmpty {
            self = .make(.newWorkspace("default"))
        } else {
            self = .refused(
                .unclear(
                    "\(problem); to make it, say in which workspace: add --workspace with one of "
                        + workspaces.map(\.name).joined(separator: ", ") + ", or a new name"))
        }
    }
}

/// Where a pipeline is to be made.
enum PipelinePlace {
    case workspace(WorkspaceID)
    /// One that is to be made first, and called so.
    case newWorkspace(String)
}

/// Why there is no pipeline, in words.
enum PipelineRefusal {
    /// There is no such workspace, and none may be made: what there is, and what to do, follows.
    case noWorkspace(String)
    /// The same of the pipeline.
    case noPipeline(String)
    /// There are several, or several places to make it in; with what to do.
    case unclear(String)
}
