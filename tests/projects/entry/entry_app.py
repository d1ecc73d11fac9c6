import fal
from pydantic import BaseModel


class Question(BaseModel):
    text: str


class Entry(fal.App):
    @fal.endpoint("/")
    def greet(self, question: Question) -> Question:
        return Question(text=f"imported: {question.text}")
