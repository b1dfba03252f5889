"""Who a task is in its container, by what the image's own files say."""

from __future__ import annotations

import pytest

from traintrack.errors import HostError
from traintrack.runners.container.accounts import Account, read_accounts
from traintrack.runners.container.isolation import task_user

FILES = "root:x:0:0:root:/root:/bin/bash\napp:x:1000:50:App:/srv:/bin/zsh\nroot:x:0:\nstaff:x:50:\ndocker:x:999:app\n"


def test_an_images_user_is_found_by_name_by_number_and_with_a_group() -> None:
    accounts = read_accounts(FILES)

    assert accounts.account("app") == Account("app", 1000, 50)
    assert accounts.account("1000") == Account("app", 1000, 50)
    assert accounts.account("app:docker") == Account("app", 1000, 999)
    assert accounts.account("4242:7") == Account("4242", 4242, 7)
    assert accounts.account("") == Account("root", 0, 0)


def test_a_name_that_the_image_does_not_know_is_nobody() -> None:
    accounts = read_accounts(FILES)

    assert accounts.account("ghost") is None
    assert accounts.account("app:ghosts") is None


def test_the_caller_gets_an_entry_beside_those_of_the_image() -> None:
    name, passwd, group = read_accounts(FILES).with_user(Account("ann", 501, 20))

    assert name == "ann"
    assert passwd.splitlines()[0] == "ann:x:501:20:ann:/tt/home:/bin/sh"
    assert "app:x:1000:50:App:/srv:/bin/zsh\n" in passwd
    assert group.endswith("ann:x:20:\n")


def test_a_number_that_the_image_knows_keeps_its_name_and_lives_in_the_scratch() -> None:
    name, passwd, group = read_accounts(FILES).with_user(Account("ann", 1000, 50))

    assert name == "app"
    assert passwd.count(":1000:") == 1
    assert "app:x:1000:50:app:/tt/home:/bin/zsh\n" in passwd
    assert group.count(":50:") == 1


def test_a_name_of_the_image_is_not_given_to_another_number() -> None:
    name, passwd, _ = read_accounts(FILES).with_user(Account("app", 501, 20))

    assert name == "app-501"
    assert passwd.count("app:x:1000") == 1


def test_entries_that_an_engine_made_for_a_bare_number_are_left_out() -> None:
    assert read_accounts("0:*:0:0:container user:/:/bin/sh\n").account("0") == Account("0", 0, 0)
    assert read_accounts("0:*:0:0:container user:/:/bin/sh\n").passwd == ()


def test_files_of_a_foreign_user_are_refused_unless_root_asks() -> None:
    ann, root, app = Account("ann", 501, 20), Account("root", 0, 0), Account("app", 1000, 50)

    assert task_user({}, ann, app, "app") == ann
    assert task_user({"user": "image"}, root, app, "app") == app
    assert task_user({"user": "image"}, app, app, "app") == app
    with pytest.raises(HostError, match="would not be yours"):
        task_user({"user": "image"}, ann, app, "app")
    with pytest.raises(HostError, match="ghost"):
        task_user({"user": "image"}, root, None, "ghost")
