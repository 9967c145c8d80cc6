"""A wrapped Pub/Sub push becomes a delivery.

Source: the Pub/Sub documentation on push subscriptions (wrapped messages). A wrapper that Pub/Sub
cannot have made is refused here; a wrapper that is fine goes to the edge whatever its message is,
and the edge keeps what is no event of ours in quarantine.
"""

import binascii
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.bus.port import Delivery, Message

MOST_BYTES: Final = 1 << 20
"""Of a push. Our events take a few KB, a storage notification at most some ten; what is larger
stays on the bus, so that what one request can make this process hold is known beforehand."""

_MOST_ATTEMPTS: Final = 1_000_000


class MalformedPushError(Exception):
    """The body is no push of this subscription. What was wrong is not said: it would be an echo."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    attributes: dict[str, str] = {}
    data: str = Field(default="", repr=False)
    message_id: Annotated[str, Field(alias="messageId", min_length=1, max_length=256)]
    publish_time: Annotated[str, Field(alias="publishTime", max_length=40)]


class _Push(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    message: _Message
    subscription: Annotated[str, Field(max_length=512)]
    delivery_attempt: Annotated[
        int | None, Field(alias="deliveryAttempt", ge=0, le=_MOST_ATTEMPTS)
    ] = None


def delivery_of(body: bytes, subscription: str) -> Delivery:
    """Return the delivery that a push to ``subscription`` carries.

    Args:
        body: of the request, JSON.
        subscription: the id in the path; the body must name the same.

    Raises:
        MalformedPushError: it is not what Pub/Sub sends, or meant for another subscription.
    """
    delivery: Delivery | None
    try:
        delivery = _delivery(body, subscription)
    except (ValidationError, ValueError, OverflowError):
        delivery = None  # raised outside: the errors quote what they were given
    if delivery is None:
        raise MalformedPushError
    return delivery


def _delivery(body: bytes, subscription: str) -> Delivery | None:
    if len(body) > MOST_BYTES:
        return None
    push = _Push.model_validate_json(body)
    if push.subscription.rpartition("/")[2] != subscription:
        return None
    message = push.message
    published = datetime.fromisoformat(message.publish_time)
    if published.tzinfo is None:
        return None
    return Delivery(
        subscription=subscription,
        message=Message(
            attributes=message.attributes,
            body=binascii.a2b_base64(message.data.encode("ascii"), strict_mode=True),
        ),
        attempt=push.delivery_attempt or 1,
        receipt=message.message_id,
        published=published.astimezone(UTC),
    )
