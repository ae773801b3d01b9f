"""What is known of a notebook that is open, and of the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import tornado.web
from jupyter_server.auth.decorator import authorized

from roadworthy import secrets
from roadworthy.errors import ProjectError, RoadworthyError
from roadworthy.pipeline import parameters
from roadworthy.records.lab import LabNotebook, LabPipeline, LabProject, Problem
from roadworthy.server.base import Handler
from roadworthy.server.opened import VERSION, Opened


class Notebook(Handler):
    """GET: how the task of a notebook stands, and what parameters it takes."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a LabNotebook."""
        path = self.get_query_argument("path")

        def work() -> LabNotebook:
            place = self.place(path)
            try:
                opened = self.projects.of(place)
            except ProjectError as error:
                return LabNotebook(project=no_project(error))
            return notebook(opened, place)

        await self.answer(work)


class Pipeline(Handler):
    """GET: how all tasks stand."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a LabPipeline."""
        path = self.get_query_argument("path", "")

        def work() -> LabPipeline:
            try:
                opened = self.opened(path)
            except ProjectError as error:
                return LabPipeline(project=no_project(error))
            return LabPipeline(project=opened.described(), tasks=opened.tasks(), job=opened.job())

        await self.answer(work)


def notebook(opened: Opened, place: Path) -> LabNotebook:
    """Return what is known of a notebook of a project."""
    path = opened.below(place.relative_to(opened.root).as_posix())
    project = opened.described()
    task = opened.task(place)
    try:
        tasks = opened.pipeline.tasks if opened.pipeline else ()
        spec = next((found for found in tasks if task and found.name == task.name), None)
        cell = parameters.tagged_cell(place)
        known = secrets.known(opened.config)
        declared = parameters.of_task(opened.root, spec, known) if spec else parameters.declared(place)
    except RoadworthyError as error:
        problem = opened.problem(error)
        if problem not in project.problems:
            problem = problem.model_copy(update={"file": problem.file or path})
            project = project.model_copy(update={"problems": (*project.problems, problem)})
        return LabNotebook(project=project, task=task)
    return LabNotebook(project=project, task=task, parameters=declared, parameters_cell=cell)


def no_project(error: ProjectError) -> LabProject:
    """Return what the page is told of a path in no project; that one begins too far up is worth a word."""
    above = (Problem(file="", message=error.fact, next=error.next_step),) if "above" in error.fact else ()
    return LabProject(found=False, version=VERSION, problems=above)
