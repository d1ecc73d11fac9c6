from cog import BasePredictor, Input


class Predictor(BasePredictor):
    def setup(self) -> None:
        """Load the model"""
        self.greetings = {"english": "Hello", "french": "Bonjour", "german": "Hallo"}

    def predict(
        self,
        name: str = Input(description="Who to greet", max_length=100),
        language: str = Input(
            description="Language of the greeting",
            choices=["english", "french", "german"],
            default="english",
        ),
        times: int = Input(description="How often to greet", ge=1, le=10, default=1),
    ) -> str:
        """Greet somebody"""
        greeting = f"{self.greetings[language]}, {name}!"
        return " ".join([greeting] * times)
