from traintrack.family_name import axes_text, by_row, coordinates_of, coordinates_text, family_of, row_name, short_name


def test_a_member_tells_its_family_and_its_coordinates() -> None:
    label = "//a/b:cv.train@lr=1e-05,depth=18"

    assert family_of(label) == "//a/b:cv.train"
    assert coordinates_of(label) == (("lr", "1e-05"), ("depth", "18"))
    assert coordinates_text(label) == "lr=1e-05,depth=18"
    assert (row_name(label), short_name(label)) == ("//a/b:cv.train@*", "cv.train@lr=1e-05,depth=18")


def test_what_is_no_member_has_no_family() -> None:
    for label in ("//a:train", "//:train", "//a:train@*", "@main//a:train", "0123456789ab", ""):
        assert family_of(label) is None
        assert coordinates_of(label) == ()
        assert row_name(label) == short_name(label) == label


def test_members_are_told_in_the_row_of_the_first() -> None:
    labels = ["//a:x@n=1", "//a:y", "//a:x@n=2", "//b:x@n=1"]

    assert by_row(labels, str) == {
        "//a:x@*": ["//a:x@n=1", "//a:x@n=2"],
        "//a:y": ["//a:y"],
        "//b:x@*": ["//b:x@n=1"],
    }


def test_the_axes_of_a_whole_product_are_told_with_their_sizes() -> None:
    product = [f"//a:t@lr={lr},depth={depth}" for lr in ("0.1", "0.2") for depth in (18, 34, 50)]

    assert axes_text(product) == "lr × depth (2 × 3)"
    assert axes_text(product[:-1]) == "lr × depth", "it is no whole product"
    assert axes_text([f"//a:t@fold={n}" for n in range(5)]) == "fold"
    assert axes_text(["//a:t@lr=1", "//a:t@lr=2,seed=0"]) == "lr × seed", "the members have other axes"
