"""JSON, compressed against words that nearly every record has: a third of what it takes without them.

The words must never change, as what was written with them is read with them alone.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

_WORDS: Final = b"""\
"user:","first_seen_at":17,"alias":"acct_","tracked_at":17,"traits":{"email":[17,"name":[17,"plan":[17\
,"last_payment_failed_at":17,"last_checkout_at":17,"dropped":true,"dropped_activity_at":17,"asked":true\
,"deleted":true,"sightings":{"looks":{"sub_":[17,"",1,{"items":[{"id":"si_\
"discounts":{"di_":[17,"evt_1",1,{"id":"di_","coupon":"","start":17,"end":null,"terms":null,"subscription":\
null,"item":null,"once":false,"percent_off":"","amount_off":null,"currency":null,"duration":"forever"}]}\
,"events":{"charge_failed":[1,17],"payment_failed":[1,17],"charge_refunded":[1,17],"checkout_completed":[1\
,17],"customer_created":[1,17],"customer_deleted":[1,17],"cancellation_scheduled":[1,17],\
"cancellation_unscheduled":[1,17],"subscription_past_due":[1,17],"subscription_reactivated":[1,17],\
"subscription_canceled":[1,17],"subscription_paused":[1,17],"subscription_resumed":[1,17],\
"subscription_expanded":[1,17],"subscription_contracted":[1,17],"subscription_changed":[1,17],\
"trial_started":[1,17],"trial_ending":[1,17],"trial_ended":[1,17],"trial_expired":[1,17],\
"trial_converted":[1,17]},\
{"cus_":{"first_seen_at":17,"customer":[17,"evt_1",1,{"id":"cus_","created":17,"email":"@example.com","name":\
"","phone":null,"description":null,"delinquent":false,"city":null,"country":null,"line1":null,"line2":null,\
"postal_code":null,"state":null,"discounts":[],"metadata":{}}],"last_charge":[17,"evt_1",1,{"id":"ch_",\
"created":17,"status":"succeeded","amount":00,"refunded":0,"currency":"eur","description":"Subscription\
 update"}],"last_paid_invoice":[17,"evt_1",1,{"id":"in_1","created":17,"amount":00,"currency":"usd",\
"description":"1 \\u00d7  (at $.00 / month)"}],"subscriptions":{"sub_1":[17,"evt_1",2,{"id":"sub_1","status":\
"canceled","trialing","past_due","active","created":17,"start_date":17,"currency":"usd","trial_start":null,\
"trial_end":null,"cancel_at_period_end":false,"cancel_at":null,"canceled_at":null,"ended_at":null,"pause":\
null,"discounts":[],"items":[{"id":"si_","quantity":1,"discounts":[],"period_start":17,"period_end":17,\
"price_currency":"usd","price":"price_1","nickname":null,"product":"prod_","currency":"usd","unit_amount":\
"00","interval":"year","interval":"month","interval_count":1,"metered":false,"tiered":false,"tiers_mode":null\
,"tiers":null,"transform":null,"options":null}],"more_items":false,"metadata":{}}]},"payments":{"usd":[1,00,0\
]},"product_names":{"prod_":[17,"evt_1",""]},"events":{"subscription_created":[1,17],"invoice_created":[1,17]\
,"charge_succeeded":[1,17],"invoice_paid":[1,17],"subscription_activated":[1,17]}}}"""


def compressed(value: Any) -> bytes:
    """The value's JSON, without blanks."""
    packer = zlib.compressobj(zdict=_WORDS)
    return packer.compress(json.dumps(value, separators=(",", ":")).encode()) + packer.flush()


def uncompressed(packed: bytes) -> Any:
    """The value that was compressed."""
    return json.loads(zlib.decompressobj(zdict=_WORDS).decompress(packed))
