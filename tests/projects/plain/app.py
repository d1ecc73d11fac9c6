import os
from importlib.metadata import distributions
from pathlib import Path

import fal
from fal.toolkit import File
from pydantic import BaseModel


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    text: str
    folder: str
    packages: list[str]
    arguments: list[str]


class Delivery(BaseModel):
    file: File


class Plain(fal.App):
    machine_type = "M"
    app_files = ["greeting.txt"]
    requirements = ["pyfiglet==1.0.4"]

    def setup(self):
        print("the app sets up")
        self.greeting = Path("greeting.txt").read_text()

    def teardown(self):
        print("the app tears down")

    @fal.endpoint("/")
    def greet(self, question: Question) -> Answer:
        import sys

        return Answer(
            text=f"{self.greeting} {question.text}",
            folder=os.getcwd(),
            packages=sorted(d.metadata["Name"] for d in distributions()),
            arguments=sys.argv,
        )

    @fal.endpoint("/file")
    def file(self, question: Question) -> Delivery:
        data = question.text.encode()
        return Delivery(file=File.from_bytes(data, file_name="a.txt"))


class Boxed(fal.App):
    image = fal.ContainerImage.from_dockerfile_str("FROM python:3.11\nCOPY greeting.txt /\n")

    @fal.endpoint("/")
    def greet(self, question: Question) -> Question:
        return question
