<?php
usleep((int) (1e6 * (float) getenv('START_SECONDS')));
