import hashlib
import hmac

from cog import BasePredictor, Input, Secret


class Predictor(BasePredictor):
    def predict(
        self,
        message: str = Input(description="Text to sign"),
        key: Secret = Input(description="Key to sign with; shown nowhere"),
    ) -> str:
        """Sign a text with HMAC-SHA256"""
        print(f"signing with {key}")
        return hmac.new(key.get_secret_value().encode(), message.encode(), hashlib.sha256).hexdigest()
