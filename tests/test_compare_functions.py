"""Functions of two revisions: what only moved is the same, whatever it is called by; what changed is named."""

from scripts.compare_functions import collect

BEFORE = {
    "a.py": '''
def first(x: int) -> int:
    """Say something."""
    return helper(x) + 1


class Thing:
    size: int

    def grow(self, by):
        return self.size + by
'''
}


def differing(after: str, renamed: dict[str, str]) -> set[str]:
    old, new = collect(BEFORE, renamed), collect({"moved/b.py": after}, renamed)
    return {name for name in old if not old[name] & new[name]}


def test_moved_code_with_other_prose_and_hints_is_the_same():
    after = BEFORE["a.py"].replace("Say something.", "Say it otherwise.").replace("x: int", "x: float")
    assert differing(after, {}) == set()


def test_renamed_code_is_the_same_once_the_name_is_given():
    after = BEFORE["a.py"].replace("helper", "assistant").replace("Thing", "Item")
    assert differing(after, {}) == {"first", "Thing", "Thing.grow"}
    assert differing(after, {"helper": "assistant", "Thing": "Item"}) == set()


def test_changed_code_is_named():
    assert differing(BEFORE["a.py"].replace("+ by", "- by"), {}) == {"Thing.grow"}
    assert differing(BEFORE["a.py"].replace("size: int\n", "size: int = 1\n"), {}) == {"Thing"}
