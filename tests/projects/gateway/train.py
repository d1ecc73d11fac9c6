def train(steps: int = 3) -> int:
    print("training")
    return steps * 2
