from traintrack.cli.named_families import named, named_by_member


def test_a_family_is_named_by_itself_by_a_slice_and_by_a_member() -> None:
    texts = [":train", "//b:eval@lr=0.1,*", "c:test@n=1", "//d:*", "//e/...", "-:slow"]

    assert named(texts, "a") == {"//a:train", "//b:eval", "//a/c:test"}
    assert named([], "a") == frozenset()


def test_a_family_is_named_by_members_where_no_wider_pattern_reaches_it() -> None:
    assert named_by_member([":train@lr=0.1", ":train@lr=0.2", ":eval"], "a") == {"//a:train"}
    for wide in (":*", "//...", ":train", ":train@lr=0.1,*", ":train@*"):
        assert named_by_member([":train@lr=0.1", wide], "a") == frozenset()
    assert named_by_member([":train@lr=0.1", "-:train@lr=0.2"], "a") == {"//a:train"}
